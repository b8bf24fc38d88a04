"""Days of real music: quieter ones, poorly encoded ones and another genre are told, others are silent.

``scores_of_music.parquet`` holds what musicnn said of 895 clips of 15 s: ``python -m benchmarks.drift`` wrote
it, and ``benchmarks/results/drift.md`` says from which music.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tonearm.learning.drift.days import Part, PartOfDay
from tonearm.learning.drift.judging import DriftSettings, JudgedDay, Watched, judge_days

SCORES = Path(__file__).with_name("scores_of_music.parquet")
FIRST = date(2026, 10, 1)
TRACKS_A_DAY = 25
CLEAN_DAYS = 31


@cache
def clips(kind: str) -> dict[str, np.ndarray]:
    """What was said of all clips of a kind: by tag, and ``level_db``."""
    table = pq.read_table(SCORES, filters=[("kind", "=", kind)])
    return {name: table[name].to_numpy().astype(float) for name in table.column_names if name != "kind"}


def part_of(kind: str, places: Sequence[int] | slice) -> PartOfDay:
    chosen = {name: list(values[places]) for name, values in clips(kind).items()}
    part = PartOfDay(len(chosen["level_db"]), levels_db=chosen.pop("level_db"))
    part.scores.update(chosen)
    return part


def clean_days(order: Sequence[int], days: int) -> dict[Part, PartOfDay]:
    cut = [order[TRACKS_A_DAY * day : TRACKS_A_DAY * (day + 1)] for day in range(days)]
    return {(FIRST + timedelta(days=day), ""): part_of("clean", places) for day, places in enumerate(cut)}


def with_last_day(kind: str) -> JudgedDay:
    """The day after all clean ones, of thirty clips of a kind."""
    parts = clean_days(range(CLEAN_DAYS * TRACKS_A_DAY), CLEAN_DAYS)
    parts[FIRST + timedelta(days=CLEAN_DAYS), ""] = part_of(kind, slice(None))
    (day,) = judge_days(parts, DriftSettings())
    assert day.tracks == 30
    return day


def alarms(day: JudgedDay) -> dict[tuple[Watched, str], float]:
    return {(shift.watched, shift.name): shift.shift for shift in day.alarms}


def test_a_quiet_day_is_told_by_level_and_tags() -> None:
    found = alarms(with_last_day("quiet"))
    assert found[Watched.LEVEL, ""] < -0.9
    assert found[Watched.TAG, "quiet"] > 0.5 and found[Watched.TAG, "soft"] > 0.5
    assert found[Watched.TAG, "loud"] < -0.5


def test_a_day_at_64_kbit_a_second_is_told_with_the_tags_that_moved_most() -> None:
    """No tag by itself moves enough: only all of them together tell."""
    day = with_last_day("poor")
    assert alarms(day).keys() == {(Watched.ALL_TAGS, "")}
    assert {"piano", "quiet", "hard rock"} <= {tag.name for tag in day.most_shifted_tags}


def test_a_day_of_another_genre_is_told_by_its_tags() -> None:
    found = alarms(with_last_day("other genre"))
    assert found[Watched.TAG, "metal"] > 0.9 and found[Watched.TAG, "rock"] > 0.9
    assert found[Watched.TAG, "ambient"] < -0.8


def test_the_same_clips_as_they_are_raise_no_alarm() -> None:
    assert with_last_day("same").alarms == []


@pytest.mark.slow
def test_thirty_clean_days_of_one_catalog_are_silent() -> None:
    parts = clean_days(range(CLEAN_DAYS * TRACKS_A_DAY), CLEAN_DAYS)
    days = list(judge_days(parts, DriftSettings(), since=FIRST + timedelta(days=1)))
    assert [len(day.alarms) for day in days] == [0] * 30


@pytest.mark.slow
def test_days_drawn_at_random_raise_no_more_alarms_than_the_stated_rate() -> None:
    """Of 300 days six are expected at most at a rate of 0.02; twelve or more have a chance of one in 50."""
    alarmed = 0
    for seed in range(10):
        order = np.random.default_rng(seed).permutation(CLEAN_DAYS * TRACKS_A_DAY)
        parts = clean_days(order, CLEAN_DAYS)
        days = judge_days(parts, DriftSettings(rate=0.02), since=FIRST + timedelta(days=1))
        alarmed += sum(bool(day.alarms) for day in days)
    assert alarmed < 12
