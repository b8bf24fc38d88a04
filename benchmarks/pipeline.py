"""From files to tags: the whole run against the original musicnn, PyTorch and bare loops of our kernels.

``python -m benchmarks.pipeline FILES_OR_FOLDERS… [--rounds 3]``

Every way runs in a process of its own, loaded and warm before the clock starts, and all ways in turn, round
by round, so that a busy machine is busy for all of them. What `tonearm ingest` is measured for includes
everything from the listing to the committed tables.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks import original
from benchmarks.music import audio_seconds, music_files

MINUTES = 12.0
"""Music to measure with: half a minute of the original's work a round."""


@dataclass(frozen=True, slots=True)
class Row:
    """Medians over the rounds for one way.

    Attributes:
        way: What ran.
        cores: Cores that it might use.
        times_real: Seconds of audio a second.
        spread: Largest less smallest, as a share of the median.
        against_original: ``times_real`` as a multiple of the original's on as many cores.
    """

    way: str
    cores: int
    times_real: float
    spread: float
    against_original: float


@dataclass(frozen=True, slots=True)
class Way:
    """One way from files to tags."""

    name: str
    cores: int
    seconds: Callable[[Sequence[Path]], float]


def rows(paths: Sequence[Path], rounds: int = 3) -> list[Row]:
    """Measure all ways over files."""
    original.set_up()
    audio_s = audio_seconds(paths)
    ways = _ways()
    measured: dict[Way, list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way in ways:
            measured[way].append(way.seconds(paths))
    baseline = {way.cores: median(measured[way]) for way in reversed(ways) if way.name == _ORIGINAL}
    return [
        Row(
            way=way.name,
            cores=way.cores,
            times_real=audio_s / median(taken),
            spread=(max(taken) - min(taken)) / median(taken),
            against_original=baseline[way.cores] / median(taken),
        )
        for way, taken in measured.items()
    ]


_ORIGINAL = "original musicnn (TensorFlow 2.15), warm"


def _ways() -> list[Way]:
    precisions = ("float32", "bf16") if _has_bf16() else ("float32",)
    ways = []
    for cores in (1, 2):
        ways.append(Way(_ORIGINAL, cores, _original(cores)))
        if cores == 1:
            ways.append(Way("PyTorch eager, unpruned, plain loop", 1, _child("eager", 1, "float32")))
        for precision in precisions:
            if cores == 1:
                ways.append(Way(f"our kernels, plain loop, {precision}", 1, _child("loop", 1, precision)))
            ways.append(Way(f"tonearm ingest, {precision}", cores, _child("ingest", cores, precision)))
    return ways


def _original(cores: int) -> Callable[[Sequence[Path]], float]:
    return lambda paths: original.seconds(paths, set(range(cores)), batch=1)


def _child(way: str, cores: int, precision: str) -> Callable[[Sequence[Path]], float]:
    def seconds(paths: Sequence[Path]) -> float:
        command = [
            sys.executable,
            "-m",
            "benchmarks.pipeline_ways",
            way,
            str(cores),
            precision,
            *map(str, paths),
        ]
        done = subprocess.run(
            command,
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            preexec_fn=lambda: os.sched_setaffinity(0, set(range(cores))),
        )
        return float(json.loads(done.stdout.splitlines()[-1]))

    return seconds


def _has_bf16() -> bool:
    from models.engine import PrecisionError, require_precision

    try:
        require_precision("bf16")
    except PrecisionError:
        return False
    return True


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("music", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    known = parser.parse_args()
    for row in rows(music_files(known.music, MINUTES), known.rounds):
        print(row)


if __name__ == "__main__":
    main()
