"""Mutated files of every format: each ends as audio or as a TrackError, soon, and in little memory.

The decoding happens in a process of its own, so that a crash inside a codec library fails the test by name.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.audio_files import RECIPES, sweep, write_audio
from tonearm.transforms.audio.reader import open_audio
from tonearm.transforms.elements.failure import TrackError

MUTANTS_PER_KIND = 40
SECONDS_PER_MUTANT = 10.0
PEAK_MEMORY_MIB = 900
ROOT = Path(__file__).parents[3]

Mutation = Callable[[bytearray, np.random.Generator], bytearray]


def flip_bytes(data: bytearray, random: np.random.Generator) -> bytearray:
    for position in random.integers(0, len(data), random.integers(1, 30)):
        data[position] = random.integers(0, 256)
    return data


def flip_header_bytes(data: bytearray, random: np.random.Generator) -> bytearray:
    for position in random.integers(0, min(len(data), 160), random.integers(1, 6)):
        data[position] = random.integers(0, 256)
    return data


def inflate_header_numbers(data: bytearray, random: np.random.Generator) -> bytearray:
    position = int(random.integers(4, min(len(data), 200)))
    data[position : position + 4] = random.choice([b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", bytes(4)])
    return data


def zero_span(data: bytearray, random: np.random.Generator) -> bytearray:
    start, length = _span(data, random)
    data[start : start + length] = bytes(min(length, len(data) - start))
    return data


def delete_span(data: bytearray, random: np.random.Generator) -> bytearray:
    start, length = _span(data, random)
    del data[start : start + length]
    return data


def insert_noise(data: bytearray, random: np.random.Generator) -> bytearray:
    start, length = _span(data, random)
    data[start:start] = random.bytes(length)
    return data


def repeat_span(data: bytearray, random: np.random.Generator) -> bytearray:
    start, length = _span(data, random)
    data[start:start] = data[start : start + length]
    return data


def truncate(data: bytearray, random: np.random.Generator) -> bytearray:
    return data[: int(random.integers(0, len(data)))]


def _span(data: bytearray, random: np.random.Generator) -> tuple[int, int]:
    return int(random.integers(0, len(data))), int(random.integers(1, 2000))


MUTATIONS: tuple[Mutation, ...] = (
    flip_bytes,
    flip_header_bytes,
    inflate_header_numbers,
    zero_span,
    delete_span,
    insert_noise,
    repeat_span,
    truncate,
)


def _peak_mib() -> int:
    """Peak memory of this program alone; ``getrusage`` counts the one that forked it too."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def decode_mutants(folder: Path) -> None:
    """Decode every mutant of every kind and print each one's name before and its outcome after."""
    for kind, recipe in RECIPES.items():
        rate_hz = recipe.rates_hz[0] if recipe.rates_hz else 22050
        original = write_audio(folder / kind, kind, sweep(0.4, rate_hz=rate_hz), rate_hz=rate_hz).read_bytes()
        for number in range(MUTANTS_PER_KIND):
            random = np.random.default_rng([number, *kind.encode()])
            mutation = MUTATIONS[number % len(MUTATIONS)]
            mutant = folder / "mutant"
            mutant.write_bytes(mutation(bytearray(original), random))
            print(f"{kind} {mutation.__name__} {number}", end=" ", flush=True)
            started = time.monotonic()
            print(decode_to_end(mutant), end=" ")
            print(f"{time.monotonic() - started:.2f}", flush=True)
    print("peak_mib", _peak_mib())


def decode_to_end(path: Path) -> str:
    try:
        with open_audio(path) as reader:
            samples = sum(len(block.samples) for block in reader.blocks())
            assert samples > 0
            assert isinstance(reader.truncated, bool)
    except TrackError as error:
        return error.error.value
    return "audio"


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, __file__, str(tmp_path_factory.mktemp("mutants"))],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def outcomes(worker: subprocess.CompletedProcess[str]) -> list[list[str]]:
    return [line.split() for line in worker.stdout.splitlines() if not line.startswith("peak_mib")]


def test_every_mutant_ends_as_audio_or_as_a_track_error(
    worker: subprocess.CompletedProcess[str], outcomes: list[list[str]]
) -> None:
    assert worker.returncode == 0, f"died at {outcomes[-1:]}: {worker.stderr[-2000:]}"
    assert len(outcomes) == MUTANTS_PER_KIND * len(RECIPES) >= 1000


def test_some_mutants_still_play_and_some_do_not(outcomes: list[list[str]]) -> None:
    words = {outcome[3] for outcome in outcomes}
    assert {"audio", "undecodable", "not_audio"} <= words


def test_no_library_prints(worker: subprocess.CompletedProcess[str]) -> None:
    assert worker.stderr == ""


def test_no_mutant_takes_long(outcomes: list[list[str]]) -> None:
    slowest = max(outcomes, key=lambda outcome: float(outcome[4]))
    assert float(slowest[4]) < SECONDS_PER_MUTANT, slowest


def test_no_mutant_takes_much_memory(worker: subprocess.CompletedProcess[str]) -> None:
    peak_mib = int(worker.stdout.rsplit("peak_mib", 1)[1])
    assert peak_mib < PEAK_MEMORY_MIB


if __name__ == "__main__":
    decode_mutants(Path(sys.argv[1]))
