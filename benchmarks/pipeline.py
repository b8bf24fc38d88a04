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

from benchmarks.music import audio_seconds, music_files
from benchmarks.peers import original

OUR_TIMES = 6
"""How often our ways get the files in a run, under other ids: so that it lasts about as long as the others'.

What a run costs however short it is, half a second, would otherwise look like a cost of every track."""


@dataclass(frozen=True, slots=True)
class Row:
    """Medians over the rounds for one way.

    Attributes:
        way: What ran.
        cores: Cores that it might use.
        times_real: Seconds of audio a second.
        spread: Largest less smallest, as a share of the median.
        against_original: ``times_real`` as a multiple of the original's on as many cores.
        of_loop: ``times_real`` as a share of a plain loop's over the same kernels, for runs on one core.
        of_one_core: ``times_real`` as a multiple of the same way's on one core.
    """

    way: str
    cores: int
    times_real: float
    spread: float
    against_original: float
    of_loop: float | None
    of_one_core: float | None


@dataclass(frozen=True, slots=True)
class Way:
    """One way from files to tags."""

    name: str
    cores: int
    precision: str
    seconds: Callable[[Sequence[Path]], float]


def rows(paths: Sequence[Path], rounds: int = 3) -> list[Row]:
    """Measure all ways over the files that the original can read."""
    paths = [path for path in paths if original.can_read(path)]
    if not paths:
        raise ValueError("the original reads none of these files; name MP3, FLAC, WAV or Ogg files")
    original.set_up()
    audio_s = audio_seconds(paths)
    ways = _ways()
    measured: dict[Way, list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way in ways:
            measured[way].append(way.seconds(paths))
    by_name = {(way.name, way.cores): taken for way, taken in measured.items()}
    return [
        Row(
            way=way.name,
            cores=way.cores,
            times_real=audio_s / median(taken),
            spread=(max(taken) - min(taken)) / median(taken),
            against_original=_times_as_fast(taken, by_name[_ORIGINAL, way.cores]),
            of_loop=_times_as_fast(taken, by_name[_loop(way.precision), 1])
            if (way.name, way.cores) == (_ingest(way.precision), 1)
            else None,
            of_one_core=_times_as_fast(taken, by_name[way.name, 1]) if way.cores > 1 else None,
        )
        for way, taken in measured.items()
    ]


def _times_as_fast(taken: Sequence[float], by_other: Sequence[float]) -> float:
    """Median of the rounds' ratios: what slows a round down slows both."""
    return median(other / one for one, other in zip(taken, by_other, strict=True))


_ORIGINAL = "original musicnn (TensorFlow 2.15), warm"
_EAGER = "PyTorch eager, unpruned, plain loop"


def _loop(precision: str) -> str:
    return f"our kernels, plain loop, {precision}"


def _ingest(precision: str) -> str:
    return f"tonearm ingest, {precision}"


def _ways() -> list[Way]:
    precisions = ("float32", "bf16") if _has_bf16() else ("float32",)
    ways = [
        Way(_ORIGINAL, 1, "float32", _original(1)),
        Way(_EAGER, 1, "float32", _child("eager", 1, "float32")),
    ]
    for precision in precisions:
        ways.append(Way(_loop(precision), 1, precision, _child("loop", 1, precision, times=OUR_TIMES)))
        ways.append(Way(_ingest(precision), 1, precision, _child("ingest", 1, precision, times=OUR_TIMES)))
    ways.append(Way(_ORIGINAL, 2, "float32", _original(2)))
    ways += [
        Way(_ingest(precision), 2, precision, _child("ingest", 2, precision, times=OUR_TIMES))
        for precision in precisions
    ]
    return ways


def _original(cores: int) -> Callable[[Sequence[Path]], float]:
    return lambda paths: original.seconds(paths, set(range(cores)), batch=1)


def _child(way: str, cores: int, precision: str, *, times: int = 1) -> Callable[[Sequence[Path]], float]:
    def seconds(paths: Sequence[Path]) -> float:
        command = [
            sys.executable,
            "-m",
            "benchmarks.peers.pipeline_ways",
            way,
            str(cores),
            precision,
            *map(str, [*paths] * times),
        ]
        done = subprocess.run(
            command,
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            preexec_fn=lambda: os.sched_setaffinity(0, set(range(cores))),
        )
        return float(json.loads(done.stdout.splitlines()[-1])) / times

    return seconds


def ingest_seconds(paths: Sequence[Path], cores: int, precision: str) -> float:
    """Time one `tonearm ingest` of files, warm, in a process of its own with so many cores."""
    return _child("ingest", cores, precision, times=OUR_TIMES)(paths)


def _has_bf16() -> bool:
    from tonearm.models.engines.contract import PrecisionError
    from tonearm.models.engines.shared import require_precision

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
    for row in rows(music_files(known.music), known.rounds):
        print(row)


if __name__ == "__main__":
    main()
