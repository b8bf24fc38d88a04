"""Damaged files of every format are heard whole, flagged, or fail; FFmpeg's own full decode is the judge."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.audio_files import RECIPES
from tests.transforms.audio.damage import DAMAGES, Case

CASES = 2200
ROOT = Path(__file__).parents[3]


def run(folder: Path, cases: int, seed: int, *which: str) -> list[Case]:
    """Damage and decode in a process of its own: a crash fails the test by name."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.transforms.audio.damage", str(folder), str(cases), str(seed), *which],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=3000,
        check=False,
    )
    lines = done.stdout.splitlines()
    assert done.returncode == 0, f"died after {lines[-1:]}: {done.stderr[-2000:]}"
    return [Case.parse(line) for line in lines]


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    return run(tmp_path_factory.mktemp("damaged"), CASES, seed=1)


def test_every_kind_meets_every_damage(cases: list[Case]) -> None:
    assert len(cases) >= 2000
    assert {(case.kind, case.damage) for case in cases} == {
        (kind, damage.__name__) for kind in RECIPES for damage in DAMAGES
    }


def test_what_is_not_heard_whole_is_flagged_or_fails(cases: list[Case]) -> None:
    assert [case for case in cases if not case.promise_is_kept] == []


def test_some_are_whole_all_the_same_and_some_are_flagged(cases: list[Case]) -> None:
    outcomes = Counter(case.outcome for case in cases)
    assert outcomes["whole"] > len(cases) / 3
    assert outcomes["truncated"] > len(cases) / 10


@pytest.mark.slow
def test_the_same_of_many_more(tmp_path: Path) -> None:
    assert [case for case in run(tmp_path, 20_000, seed=2) if not case.promise_is_kept] == []


@pytest.mark.slow
def test_the_same_of_the_rare_formats(tmp_path: Path) -> None:
    assert [case for case in run(tmp_path, 8000, 2, "rare") if not case.promise_is_kept] == []
