"""A run of a thousand tracks: memory from the second wave on, and cost per track.

``python -m benchmarks.many_tracks [--tracks 1000]``

The tracks are the project's samples, each under many ids; none is cached between ids.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.memory import Sample, peak_mib, tonearm_memory
from transforms.naming import claims_to_be_audio

SAMPLES = Path(__file__).parent.parent / "samples"
WAVE_TRACKS = 128
"""As the command has it by default."""


@dataclass(frozen=True, slots=True)
class Row:
    """One stretch of the run, as many tracks as a wave holds.

    Attributes:
        tracks: Tracks done at its end.
        seconds: How long it took.
        cpu_s_a_track: Processor time a track, which a busy machine changes less.
        peak_mib: Highest memory of the command and its children in it.
        against_second: ``peak_mib`` as a multiple of the second stretch's.
    """

    tracks: int
    seconds: float
    cpu_s_a_track: float
    peak_mib: float
    against_second: float


def rows(tracks: int = 1000) -> list[Row]:
    """Measure a run of so many tracks, stretch by stretch; the first one pays for the start."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        manifest = _write_manifest(folder / "many.csv", tracks)
        samples = tonearm_memory("ingest", manifest, "--output", folder / "tables")
        column = pq.read_table(folder / "tables" / "track_tags", columns=["analyzed_at"]).column(0)
        done_at = sorted(moment.timestamp() for moment in column.to_pylist())
    return _stretches(samples, done_at)


def _write_manifest(path: Path, tracks: int) -> Path:
    files = sorted(file for file in SAMPLES.iterdir() if claims_to_be_audio(file.name))
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["track_id", "uri"])
        writer.writerows((number, files[number % len(files)]) for number in range(tracks))
    return path


def _stretches(samples: Sequence[Sample], done_at: Sequence[float]) -> list[Row]:
    borders = [*range(0, len(done_at), WAVE_TRACKS), len(done_at)]
    moments = [samples[0].at, *(done_at[border - 1] for border in borders[1:])]
    stretches = [[s for s in samples if begin <= s.at < end] for begin, end in pairwise(moments)]
    second_mib = peak_mib(stretches[min(1, len(stretches) - 1)])
    return [
        Row(
            tracks=last,
            seconds=stretch[-1].at - stretch[0].at,
            cpu_s_a_track=(stretch[-1].cpu_s - stretch[0].cpu_s) / (last - first),
            peak_mib=peak_mib(stretch),
            against_second=peak_mib(stretch) / second_mib,
        )
        for (first, last), stretch in zip(pairwise(borders), stretches, strict=True)
    ]


def main() -> None:
    """Print a row a stretch."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tracks", type=int, default=1000, help="tracks of the run (default: 1000)")
    measured = rows(parser.parse_args().tracks)
    print("tracks   seconds   CPU s a track   peak MiB   against second")
    for row in measured:
        print(
            f"{row.tracks:6,} {row.seconds:9.1f} {row.cpu_s_a_track:15.3f} {row.peak_mib:10.0f} "
            f"{row.against_second:15.2f}x"
        )


if __name__ == "__main__":
    main()
