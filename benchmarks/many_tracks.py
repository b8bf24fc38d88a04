"""A run of ten thousand tracks: what a track costs, and how much memory the run takes, from first to last.

``python -m benchmarks.many_tracks [--tracks 10000]``

The tracks are short clips of the project's samples, each under many ids; none is cached between ids. Short
ones, so that what grows with the number of tracks, if anything does, is not hidden behind the networks.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow.parquet as pq
import soundfile as sf

from benchmarks.memory import Sample, peak_mib, tonearm_memory
from tonearm.transforms.audio.endings import has_audio_ending
from tonearm.transforms.audio.reader import open_audio

SAMPLES = Path(__file__).parent.parent / "samples"
CLIP_S = 6.0
STRETCHES = 5
"""Few, as tracks are done in batches: many short stretches would differ by where a batch happens to end."""


@dataclass(frozen=True, slots=True)
class Row:
    """One stretch of the run, a fifth of its tracks.

    Attributes:
        tracks: Tracks done at its end.
        seconds: How long it took.
        cpu_s_a_track: Processor time a track, which a busy machine changes less.
        cost: ``cpu_s_a_track`` as a multiple of the stretches' median.
        peak_mib: Highest memory of the command and its children in it.
        memory: ``peak_mib`` as a multiple of the second stretch's.
    """

    tracks: int
    seconds: float
    cpu_s_a_track: float
    cost: float
    peak_mib: float
    memory: float


def rows(tracks: int = 10_000) -> list[Row]:
    """Measure a run of so many tracks, stretch by stretch.

    The first hundred tracks pay for the start and are left out of the first stretch.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        manifest = _write_manifest(folder / "many.csv", _write_clips(folder), tracks)
        samples = tonearm_memory("ingest", manifest, "--output", folder / "tables")
        column = pq.read_table(folder / "tables" / "track_tags", columns=["analyzed_at"]).column(0)
        done_at = sorted(moment.timestamp() for moment in column.to_pylist())
    return _stretches(samples, done_at)


def _write_clips(folder: Path) -> list[Path]:
    """The beginning of each sample, as MP3."""
    clips = []
    for path in sorted(file for file in SAMPLES.iterdir() if has_audio_ending(file.name)):
        with open_audio(path) as audio:
            rate_hz = audio.info.sample_rate_hz
            signal = np.concatenate(list(audio.samples(rate_hz)))[: round(CLIP_S * rate_hz)]
        clips.append(folder / f"{path.stem}.mp3")
        sf.write(clips[-1], signal, rate_hz)
    return clips


def _write_manifest(path: Path, clips: Sequence[Path], tracks: int) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["track_id", "uri"])
        writer.writerows((number, clips[number % len(clips)]) for number in range(tracks))
    return path


def _stretches(samples: Sequence[Sample], done_at: Sequence[float]) -> list[Row]:
    length = len(done_at) // STRETCHES
    borders = [min(100, length // 2), *range(length, len(done_at), length), len(done_at)]
    moments = [done_at[border - 1] for border in borders]
    stretches = [[s for s in samples if begin <= s.at < end] for begin, end in pairwise(moments)]
    peaks = [peak_mib(stretch) for stretch in stretches]
    costs = [
        (stretch[-1].cpu_s - stretch[0].cpu_s) / (last - first)
        for (first, last), stretch in zip(pairwise(borders), stretches, strict=True)
    ]
    return [
        Row(
            tracks=last,
            seconds=stretch[-1].at - stretch[0].at,
            cpu_s_a_track=cost,
            cost=cost / median(costs),
            peak_mib=peak,
            memory=peak / peaks[1],
        )
        for last, stretch, cost, peak in zip(borders[1:], stretches, costs, peaks, strict=True)
    ]


def main() -> None:
    """Print a row a stretch."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tracks", type=int, default=10_000, help="tracks of the run (default: 10000)")
    measured = rows(parser.parse_args().tracks)
    print("tracks   seconds   CPU s a track    cost   peak MiB   memory")
    for row in measured:
        print(
            f"{row.tracks:6,} {row.seconds:9.1f} {row.cpu_s_a_track:15.4f} {row.cost:6.2f}x "
            f"{row.peak_mib:10.0f} {row.memory:7.2f}x"
        )


if __name__ == "__main__":
    main()
