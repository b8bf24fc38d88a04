"""The front end against its bare kernels: from files to patches, in process and with isolated decoding.

``python -m benchmarks.front_end FILES_OR_FOLDERS… [--files 20] [--rounds 5]``

The kernels (``peers/front_end_kernels.py``) are each library's own loop and nothing else. What the product
adds is the way of the samples through it: channels mixed, numbers checked, blocks cut into patches and,
isolated, carried between processes. The ways are measured in turn, round by round, so that a busy machine
is busy for all of them. On two cores the isolated decoder runs ahead on the second one: the share of
processor time is the honest one there, or that of wall time under ``taskset -c 0``.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import numpy as np
import psutil
import soundfile as sf
import torch

from benchmarks.peers.front_end_kernels import FRONT_END, Song, kernels, kernels_with_libopus, load
from tonearm.transforms.audio.isolation.isolated_reader import close_decoders, open_audio_isolated
from tonearm.transforms.audio.reader import open_audio
from tonearm.transforms.elements.stage_times import StageTimes
from tonearm.transforms.features.spectrogram import spectrogram_of

AUDIO = (".mp3", ".flac", ".wav", ".ogg", ".oga", ".opus", ".m4a")
SMALLEST_BYTES = 500_000
"""Smaller files are seldom music; what a track costs however short it is belongs to other benchmarks."""

FLAC_COPIES = 3
"""Files that are encoded as FLAC too, since few collections at hand hold all formats."""

ALL = "all"


@dataclass(frozen=True, slots=True)
class Row:
    """Medians over the rounds for one codec, one way and one number of workers.

    Attributes:
        codec: As in ``track_tags``, or ``all``.
        way: ``kernels``, ``in process`` or ``isolated``; with Opus also ``kernels, libopus``.
        workers: Threads, each with files of its own.
        times_real: Seconds of audio a second.
        spread: Largest less smallest, as a share of the median.
        cpu_s: Processor seconds for an hour of audio, child processes included.
        share: ``times_real`` as a share of the kernels' with as many workers, round by round.
        cpu_share: The kernels' ``cpu_s`` as a share of this one: unlike ``share`` not flattered by a
            second core that decodes ahead.
    """

    codec: str
    way: str
    workers: int
    times_real: float
    spread: float
    cpu_s: float
    share: float
    cpu_share: float


@dataclass(frozen=True, slots=True)
class _Measured:
    wall_s: float
    cpu_s: float

    def __add__(self, other: _Measured) -> _Measured:
        return _Measured(self.wall_s + other.wall_s, self.cpu_s + other.cpu_s)


@dataclass(frozen=True, slots=True)
class _Case:
    codec: str
    way: str
    workers: int


def rows(paths: Sequence[Path], rounds: int = 5) -> list[Row]:
    """Measure all ways, codec by codec, and with two workers all files at once.

    Files that cannot be decoded are left out.
    """
    torch.set_num_threads(1)
    songs = [song for path in paths if (song := load(path))]
    if not songs:
        raise ValueError("there is no audio file to measure")
    measured: dict[_Case, list[_Measured]] = {}
    for number in range(rounds + 1):
        for case, taken in _measure_all(songs).items():
            if number:  # the first round warms caches and starts the decoder processes
                measured.setdefault(case, []).append(taken)
    close_decoders()
    return [_row(case, measured, songs) for case in measured]


def _measure_all(songs: Sequence[Song]) -> dict[_Case, _Measured]:
    """One round."""
    taken = {}
    for codec in sorted({song.codec for song in songs}):
        ways = WAYS | LIBOPUS_WAYS if codec == "opus" else WAYS
        for way, run in ways.items():
            of_codec = [song for song in songs if song.codec == codec]
            taken[_Case(codec, way, 1)] = _measure(run, of_codec, workers=1)
    for way in WAYS:
        parts = [each for case, each in taken.items() if case.way == way]
        taken[_Case(ALL, way, 1)] = sum(parts, _Measured(0, 0))
    for way, run in WAYS.items():
        taken[_Case(ALL, way, 2)] = _measure(run, songs, workers=2)
    return taken


def start_up_s(rounds: int = 5) -> float:
    """Median seconds from the order of a decoder process to the first facts about a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "short.wav"
        sf.write(path, np.zeros(FRONT_END.sample_rate_hz, np.int16), FRONT_END.sample_rate_hz)
        return median(_start_up_s(path) for _ in range(rounds))


def _start_up_s(path: Path) -> float:
    close_decoders()
    begun = time.perf_counter()
    with open_audio_isolated(path, FRONT_END.sample_rate_hz, StageTimes()):
        return time.perf_counter() - begun


def _in_process(song: Song) -> None:
    with open_audio(song.path) as audio:
        spectrogram_of(audio.samples(FRONT_END.sample_rate_hz), FRONT_END)


def _isolated(song: Song) -> None:
    times = StageTimes()
    with open_audio_isolated(song.path, FRONT_END.sample_rate_hz, times) as audio:
        spectrogram_of(audio.samples(), FRONT_END, times=times)


WAYS = {"kernels": kernels, "in process": _in_process, "isolated": _isolated}
LIBOPUS_WAYS = {"kernels, libopus": kernels_with_libopus}


def _measure(run: Callable[[Song], None], songs: Iterable[Song], workers: int) -> _Measured:
    cpu_before, begun = _cpu_s(), time.perf_counter()
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(run, songs))
    return _Measured(time.perf_counter() - begun, _cpu_s() - cpu_before)


def _cpu_s() -> float:
    """Processor time of this process and its children so far."""
    this = psutil.Process()
    taken = [process.cpu_times() for process in (this, *this.children())]
    return sum(each.user + each.system for each in taken)


def _row(case: _Case, measured: dict[_Case, list[_Measured]], songs: Sequence[Song]) -> Row:
    audio_s = sum(song.duration_s for song in songs if case.codec in (song.codec, ALL))
    ours, bare = measured[case], measured[replace(case, way="kernels")]
    walls = [each.wall_s for each in ours]
    return Row(
        codec=case.codec,
        way=case.way,
        workers=case.workers,
        times_real=audio_s / median(walls),
        spread=(max(walls) - min(walls)) / median(walls),
        cpu_s=median(each.cpu_s for each in ours) * 3600 / audio_s,
        share=median(kernel.wall_s / each.wall_s for kernel, each in zip(bare, ours, strict=True)),
        cpu_share=median(kernel.cpu_s / each.cpu_s for kernel, each in zip(bare, ours, strict=True)),
    )


def find_files(places: Iterable[Path], count: int) -> list[Path]:
    """So many audio files, spread evenly over each kind in the folders named."""
    found: dict[str, list[Path]] = {}
    for place in places:
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if path.suffix in AUDIO and path.is_file() and path.stat().st_size >= SMALLEST_BYTES:
                found.setdefault(path.suffix, []).append(path)
    if not found:
        return []
    share = -(-count // len(found))
    return [path for paths in found.values() for path in paths[:: -(-len(paths) // share)]]


def write_flac_copies(paths: Sequence[Path], folder: Path) -> list[Path]:
    """Encode the first few files as FLAC, mono and 16 bits."""
    copies = []
    for path in paths[:FLAC_COPIES]:
        song = load(path)
        if song:
            copies.append(folder / f"{path.stem}.flac")
            sf.write(copies[-1], song.signal, song.rate_hz, "PCM_16")
    return copies


def main() -> None:
    """Measure and print the rows."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.front_end", description=__doc__)
    parser.add_argument("places", nargs="+", type=Path, help="audio files, or folders of them")
    parser.add_argument("--files", type=int, default=20, help="how many to measure")
    parser.add_argument("--rounds", type=int, default=5, help="how often")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = find_files(asked.places, asked.files)
        if not any(path.suffix == ".flac" for path in paths):
            paths += write_flac_copies(paths, Path(folder))
        print(f"{len(paths)} files; a decoder process starts in {start_up_s():.2f} s")
        print(
            "codec   workers  way               × real time  spread  CPU s/h  share of the kernels  …per CPU"
        )
        for row in rows(paths, asked.rounds):
            print(
                f"{row.codec:6}  {row.workers:7}  {row.way:16}  {row.times_real:11.0f}  {row.spread:6.0%}"
                f"  {row.cpu_s:7.2f}  {row.share:20.1%}  {row.cpu_share:8.1%}"
            )


if __name__ == "__main__":
    main()
