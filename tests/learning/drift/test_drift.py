"""Days that differ from those before are told with what differs; days that do not are silent."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from tests.catalog import tonearm
from tests.learning.drift.written_days import failure_row, rock_on_the_last_day, rows_of_days, write_tables
from tonearm.learning.drift.days import PartOfDay
from tonearm.learning.drift.judging import DriftSettings, Watched, judge_days
from tonearm.learning.drift.statistics import rank_shift, stability_index
from tonearm.transforms.tables.parquet.files import ParquetWriter
from tonearm.transforms.tables.schemas import Row

FIRST = date(2026, 10, 1)
TAGS = [f"tag {number}" for number in range(20)]
TRACKS = 60

Change = Callable[[PartOfDay, np.random.Generator], None]


def drawn(numbers: np.random.Generator, tracks: int = TRACKS) -> PartOfDay:
    """A day of one catalog: scores as networks give them, many low and some high."""
    part = PartOfDay(tracks, durations_s=list(numbers.lognormal(5.3, 0.3, tracks)))
    styles = numbers.integers(0, 5, tracks)  # tags go together, as those of a style do
    for number, tag in enumerate(TAGS):
        holds = styles == number % 5
        part.scores[tag] = list(np.where(holds, numbers.beta(4, 4, tracks), numbers.beta(1, 12, tracks)))
    part.truncated = int(numbers.binomial(tracks, 0.02))
    part.failures["undecodable"] = int(numbers.binomial(tracks, 0.03))
    return part


def alarms_of(days: int, seed: int, change: Change | None = None) -> list[list[tuple[Watched, str]]]:
    """The alarms of each day from the second on; the last day is changed."""
    numbers = np.random.default_rng(seed)
    parts = {(FIRST + timedelta(days=number), ""): drawn(numbers) for number in range(days)}
    if change:
        change(parts[max(parts)], numbers)
    judged = judge_days(parts, DriftSettings(), since=FIRST + timedelta(days=1))
    return [[(shift.watched, shift.name) for shift in day.alarms] for day in judged]


def test_thirty_clean_days_are_silent() -> None:
    assert alarms_of(31, seed=1) == [[]] * 30


@pytest.mark.slow
def test_clean_days_raise_no_more_alarms_than_the_stated_rate() -> None:
    """900 days: 0.9 alarms are expected at most; five or more have a chance of one in 400."""
    assert sum(bool(alarms) for seed in range(30) for alarms in alarms_of(31, seed)) < 5


@pytest.mark.slow
def test_a_day_of_another_genre_is_told_with_its_tags() -> None:
    def more_of_one_style(part: PartOfDay, numbers: np.random.Generator) -> None:
        for tag in TAGS[::5]:
            part.scores[tag] = list(numbers.beta(4, 4, TRACKS))

    *before, last = alarms_of(31, seed=2, change=more_of_one_style)
    assert before == [[]] * 29
    assert {(Watched.TAG, tag) for tag in TAGS[::5]} <= set(last)


@pytest.mark.slow
def test_failures_cuts_and_lengths_are_told() -> None:
    def broken(part: PartOfDay, _: np.random.Generator) -> None:
        part.failures["undecodable"] += 15
        part.truncated = 20
        part.durations_s = [length / 2 for length in part.durations_s]

    last = alarms_of(31, seed=3, change=broken)[-1]
    assert set(last) == {(Watched.FAILURE, "undecodable"), (Watched.TRUNCATED, ""), (Watched.DURATION, "")}


def test_a_day_on_which_all_failed_is_judged_by_its_failures() -> None:
    numbers = np.random.default_rng(4)
    parts = {(FIRST, ""): drawn(numbers), (FIRST + timedelta(days=1), ""): PartOfDay()}
    parts[max(parts)].failures["forbidden"] = 40
    (day,) = judge_days(parts, DriftSettings())
    assert [(shift.watched, shift.name) for shift in day.alarms] == [(Watched.FAILURE, "forbidden")]


def test_days_with_few_tracks_are_not_judged() -> None:
    numbers = np.random.default_rng(5)
    parts = {(FIRST, ""): drawn(numbers), (FIRST + timedelta(days=1), ""): drawn(numbers, tracks=9)}
    first, second = judge_days(parts, DriftSettings(), since=FIRST)
    assert (first.shifts, second.shifts) == ((), ())
    assert first.left_out == "fewer than 20 tracks on the 28 days before"
    assert second.left_out == "fewer than 20 tracks"
    assert list(judge_days({}, DriftSettings())) == []


def test_what_lies_before_the_window_does_not_count() -> None:
    numbers = np.random.default_rng(6)
    parts = {(FIRST, ""): drawn(numbers), (FIRST + timedelta(days=29), ""): drawn(numbers)}
    (day,) = judge_days(parts, DriftSettings())
    assert day.reference_tracks == 0


def test_scores_that_are_all_alike_differ_in_nothing() -> None:
    day = PartOfDay(30, scores={"rock": [0.5] * 30})  # type: ignore[arg-type]
    parts = {(FIRST, ""): day, (FIRST + timedelta(days=1), ""): day}
    (judged,) = judge_days(parts, DriftSettings())
    assert judged.alarms == []


@pytest.mark.parametrize("steps", [None, 10, 2])
def test_the_rank_test_is_that_of_scipy(steps: int | None) -> None:
    numbers = np.random.default_rng(8)
    for tracks, others, moved in ((20, 20, 0.0), (30, 700, 0.2), (25, 40, -1.0), (400, 3000, 0.02)):
        day, reference = numbers.normal(moved, 1, tracks), numbers.normal(0, 1, others)
        if steps:  # so that many are equal
            day, reference = np.round(day * steps / 4), np.round(reference * steps / 4)
        expected = mannwhitneyu(day, reference, method="asymptotic")
        shift, probability = rank_shift(day, reference)
        assert shift == pytest.approx(2 * expected.statistic / (tracks * others) - 1, abs=1e-12)
        assert probability == pytest.approx(expected.pvalue, rel=1e-9)


def test_the_stability_index_is_that_of_its_definition() -> None:
    reference = np.arange(1000.0)
    day = np.concatenate([np.arange(100.0)] * 5 + [np.arange(500.0, 1000.0)])
    of_day = np.array([500, 0, 0, 0, 0, 100, 100, 100, 100, 100]) + 0.5
    of_reference = np.full(10, 100) + 0.5
    shares, before = of_day / of_day.sum(), of_reference / of_reference.sum()
    expected = ((shares - before) * np.log(shares / before)).sum()
    assert stability_index(day, reference) == pytest.approx(expected)
    assert stability_index(reference, reference) == pytest.approx(0, abs=1e-12)


def test_the_command_is_silent_on_clean_days_and_names_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clean = write_tables(tmp_path / "clean", 10)
    assert tonearm("drift", clean, "--since", "2026-10-02") == 0
    assert capsys.readouterr().out.count("as before") == 9
    changed = write_tables(tmp_path / "changed", 10, change=rock_on_the_last_day)
    assert tonearm("drift", changed) == 1
    told = capsys.readouterr()
    assert "tag rock" in told.out
    assert "2026-10-10" in told.err


def test_days_are_told_apart_by_a_column(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed = write_tables(tmp_path / "changed", 10, tracks=60, change=rock_on_the_last_day)
    assert tonearm("drift", changed, "--by", "source", "--json") == 1
    days: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["days"]
    alarms = {
        day["part"]: {(shift["watched"], shift["name"]) for shift in day["shifts"] if shift["is_alarm"]}
        for day in days
    }
    assert alarms == {"east": set(), "west": {("tag", "rock"), ("all tags", "")}}


@pytest.mark.slow
def test_tracks_of_one_album_count_as_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Days of 25 albums of eight tracks each, all from one catalog: alike within an album, and no drift."""
    numbers = np.random.default_rng(11)
    albums = numbers.uniform(0.2, 0.8, (7, 25))

    def of_an_album(day: int, row: Row) -> None:
        album = int(row["track_id"].split("-")[1]) % 25
        row["metadata"] = [("album", f"{day}-{album}")]
        for tag in row["tags"]:
            tag["score"] = float(albums[day, album] + numbers.normal(0, 0.01))

    tables = write_tables(tmp_path / "albums", 7, tracks=200, change=of_an_album)
    assert tonearm("drift", tables, "--since", "2026-10-02", "--json") == 1
    capsys.readouterr()
    assert tonearm("drift", tables, "--since", "2026-10-02", "--group", "album", "--json") == 0
    days = json.loads(capsys.readouterr().out)["days"]
    assert [day["tracks"] for day in days] == [25] * 6


def test_days_that_no_day_is_compared_with_are_not_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = write_tables(tmp_path / "tables", 10)
    for file in (tables / "track_tags" / "ingest_date=2026-10-01").iterdir():
        file.write_bytes(b"cut")
    assert tonearm("drift", tables, "--since", "2026-10-08", "--reference_days", "5", "--json") == 0
    days = json.loads(capsys.readouterr().out)["days"]
    assert [day["reference_tracks"] for day in days] == [150, 150, 150]
    assert tonearm("drift", tables, "--since", "2026-10-08") == 2
    assert tonearm("drift", tables, "--since", "2026-10-08", "--reference_days", "9" * 12) == 2


def test_by_a_column_the_last_day_is_one_that_has_tracks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Failures have no columns: a later day of failures alone moves no window."""
    tables = write_tables(tmp_path / "tables", 10, tracks=60)
    moment = datetime(2026, 10, 15, 12, tzinfo=UTC)
    ParquetWriter(str(tables)).write("failures", [failure_row(moment)])
    assert tonearm("drift", tables, "--by", "source", "--reference_days", "9", "--json") == 0
    days = json.loads(capsys.readouterr().out)["days"]
    assert [(day["day"], day["part"], day["reference_tracks"]) for day in days] == [
        ("2026-10-10", "east", 270),
        ("2026-10-10", "west", 270),
    ]


def test_of_a_tracks_rows_of_one_day_the_latest_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = write_tables(tmp_path / "tables", 10)
    assert tonearm("drift", tables, "--json") == 0
    once = capsys.readouterr().out

    def tagged_before(_: int, row: Row) -> None:
        row["analyzed_at"] -= timedelta(hours=1)
        row["tags"][0]["score"] = 0.99

    for again in (tagged_before, lambda *_: None):
        ParquetWriter(str(tables)).write("track_tags", rows_of_days(10, tracks=30, change=again))
    failed = failure_row(datetime(2026, 10, 10, 9, tzinfo=UTC))
    later = {**failed, "occurred_at": datetime(2026, 10, 10, 10, tzinfo=UTC)}
    ParquetWriter(str(tables)).write("failures", [failed, failed])
    ParquetWriter(str(tables)).write("failures", [later])
    assert tonearm("drift", tables, "--json") == 0
    days = json.loads(capsys.readouterr().out)["days"]
    assert days[0].pop("failures", 1) == 1
    assert [day["tracks"] for day in days] == [day["tracks"] for day in json.loads(once)["days"]]
    kept = {(shift["watched"], shift["name"]): shift for shift in days[0]["shifts"]}
    for shift in json.loads(once)["days"][0]["shifts"]:
        if shift["watched"] == "tag":
            assert kept[shift["watched"], shift["name"]]["shift"] == shift["shift"]


def test_nothing_to_judge_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tables = write_tables(tmp_path / "tables", 2)
    assert tonearm("drift", tables, "--since", "2026-12-01") == 0
    assert "no track of ours@1 to be judged" in capsys.readouterr().out
    assert tonearm("drift", tables, "--by", "sauce") == 2
    assert "there are codec, input_kind, source" in capsys.readouterr().err


def test_calls_that_cannot_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tonearm("drift", tmp_path / "nothing") == 2
    tables = write_tables(tmp_path / "tables", 2)
    assert tonearm("drift", tables, "--tagger", "theirs@1") == 2
    assert "it has ours@1" in capsys.readouterr().err
    assert tonearm("drift", tables, "--since", "yesterday") == 2
