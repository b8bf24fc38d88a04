"""The page of judged days: one file by itself, which names what differs, whatever that is called."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from tests.catalog import tonearm
from tests.learning.drift.written_days import rock_on_the_last_day, write_tables
from tests.learning.pages.reading import Reader, assert_asks_nothing
from tonearm.learning.drift.days import PartOfDay
from tonearm.learning.drift.judging import DriftSettings, judge_days
from tonearm.learning.drift.report.page import page_of

HOSTILE = "<script>alert(1)</script>{{ 7 * 7 }}"


def test_a_page_names_days_and_tags_and_is_not_replaced_silently(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = write_tables(tmp_path / "changed", 10, tracks=60, change=rock_on_the_last_day)
    page = tmp_path / "drift.html"
    assert tonearm("drift", tables, "--since", "2026-10-05", "--html", page) == 1
    content = page.read_text()
    assert_asks_nothing(content)
    text = Reader(content).text
    assert "2026-10-10 differs" in text or "1 of 6 days differs" in text
    assert "Scores are higher for rock (median" in text
    capsys.readouterr()
    assert tonearm("drift", tables, "--html", page) == 2
    assert "is there already" in capsys.readouterr().err
    assert tonearm("drift", tables, "--by", "source", "--html", page, "--replace") == 1
    assert "2026-10-10 west" in Reader(page.read_text()).text
    assert [path.name for path in tmp_path.iterdir() if path != tables] == ["drift.html"]


@pytest.mark.parametrize("place", [".", "gs://bucket/a.html", "nowhere/a.html"])
def test_a_place_that_takes_no_page_is_refused_before_any_work(place: str, tmp_path: Path) -> None:
    assert tonearm("drift", tmp_path / "no tables", "--html", place) == 2


def test_all_kinds_of_alarms_are_told_and_hostile_names_are_text() -> None:
    numbers = np.random.default_rng(1)
    parts = {}
    for number in range(5):
        scores = {HOSTILE: list(numbers.random(40)), "calm": list(numbers.random(40))}
        part = PartOfDay(
            40, durations_s=list(numbers.normal(200, 20, 40)), levels_db=list(-14 - numbers.random(40))
        )
        part.scores.update(scores)
        parts[date(2026, 10, 1) + timedelta(days=number), HOSTILE] = part
    part.scores[HOSTILE] = [0.99] * 40
    part.scores["calm"] = [0.01] * 40
    part.durations_s = [30.0] * 40
    part.levels_db = [-30.0] * 40
    part.truncated = 20
    part.failures[HOSTILE] = 20
    settings = DriftSettings()
    days = list(judge_days(parts, settings))
    read = Reader(page_of(HOSTILE, HOSTILE, parts, days, settings).decode())
    assert "script" not in read.elements
    for told in (
        f"All tags together are others. Most moved {HOSTILE} (median 0.99",
        f"Scores are higher for {HOSTILE} (median 0.99",
        "Scores are lower for calm (median 0.01",
        "Tracks are quieter: median level -30.0 dB",
        "Tracks are shorter: median 30 s",
        "Not heard whole: 50%, before 0%",
        f"Failed as {HOSTILE}: 33%, before 0%",
    ):
        assert told in read.text


def test_no_day_and_days_of_few_tracks_have_a_page() -> None:
    settings = DriftSettings()
    assert "no day to judge" in page_of("a@1", "tags", {}, [], settings).decode()
    parts = {(date(2026, 10, 1), ""): PartOfDay(3)}
    page = page_of("a@1", "tags", parts, list(judge_days(parts, settings)), settings).decode()
    assert "not judged" in page
