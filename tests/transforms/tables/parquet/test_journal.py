"""Journals: whoever writes, and however often, a file batch is published once and nothing is taken back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.catalog import files_below, keys, leftovers
from tests.cloud import BUCKET
from tests.tracks import analysis_of
from tonearm.transforms.elements.track import Track
from tonearm.transforms.storage import objects
from tonearm.transforms.storage.schemes import forget_storages
from tonearm.transforms.tables.contract import BehindError, OutputError
from tonearm.transforms.tables.holding.hold import HoldLostError
from tonearm.transforms.tables.outputs import output_at
from tonearm.transforms.tables.parquet import journal as journals
from tonearm.transforms.tables.parquet.journal import BatchRun, ShardJournal
from tonearm.transforms.tables.rows import Provenance, rows_of
from tonearm.transforms.tables.schemas import PER_TRACK_TABLES, Row

PROVENANCE = Provenance("20260314T120000-run", "musicnn@1", "98e098809151")


def rows(*names: str) -> dict[str, list[Row]]:
    """All rows of tracks."""
    analyses = [analysis_of(Track(name, f"/music/{name}.flac", "1")) for name in names]
    return {
        table: [row for each in analyses for row in rows_of(each, PROVENANCE).get(table, [])]
        for table in PER_TRACK_TABLES
    }


def tracks(output: Path) -> list[str]:
    """The ids of all rows of ``track_tags``, with doubles."""
    return [key[0] for key in keys(output)]


@pytest.fixture
def journal(output: Path) -> ShardJournal:
    return ShardJournal(str(output), PROVENANCE.run_id, 0)


def test_file_batches_follow_one_another_and_only_the_journal_stays_beside_the_tables(
    journal: ShardJournal, output: Path
) -> None:
    assert journal.publish(rows("a", "b"), after=0) > 0
    journal.publish(rows("c"), after=1)
    assert tracks(output) == ["a", "b", "c"]
    assert len(keys(output, "segments")) == 6
    left = [name for name in leftovers(output) if (output / name).is_file()]
    assert left == ["_journals/20260314T120000-run-000.json"]


def test_a_writer_that_was_set_back_is_told_what_was_published_meanwhile(
    journal: ShardJournal, output: Path
) -> None:
    journal.publish(rows("a"), after=0)
    journal.publish(rows("b", "c"), after=1)
    with pytest.raises(BehindError) as told:
        journal.publish(rows("c", "d"), after=1)
    assert told.value.published == 2
    assert sorted(journal.outcomes_after(1)) == [
        (("b", "1", "/music/b.flac"), ""),
        (("c", "1", "/music/c.flac"), ""),
    ]
    assert tracks(output) == ["a", "b", "c"]


def test_shards_and_streams_do_not_meet(journal: ShardJournal, output: Path) -> None:
    journal.publish(rows("a"), after=0)
    ShardJournal(str(output), PROVENANCE.run_id, 1).publish(rows("b"), after=0)
    other = ShardJournal(str(output), "20260315T120000-other", 0)
    other.publish(rows("c"), after=0)
    assert [name for (name, *_), _ in journal.outcomes_after(0)] == ["a"]
    assert [name for (name, *_), _ in other.outcomes_after(0)] == ["c"]
    assert tracks(output) == ["a", "b", "c"]


def test_of_two_writers_at_one_moment_one_publishes_and_the_other_leaves_nothing(
    journal: ShardJournal, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one, taken for dead, is halfway through its files when this one publishes."""
    make = journals.parquet_bytes

    def overtaken(table: str, of_table: Sequence[Row]) -> Any:
        monkeypatch.setattr(journals, "parquet_bytes", make)
        journal.publish(rows("a", "b"), after=0)
        return make(table, of_table)

    monkeypatch.setattr(journals, "parquet_bytes", overtaken)
    with pytest.raises(BehindError):
        journal.publish(rows("a"), after=0)
    assert tracks(output) == ["a", "b"]
    assert not list((output / "_staging").rglob("*.parquet"))


def test_what_a_killed_writer_had_counted_is_brought_into_the_tables_by_the_next(
    journal: ShardJournal, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(journals, "move_into_tables", lambda *_: pytest.fail("killed"))
        with pytest.raises(pytest.fail.Exception):
            journal.publish(rows("a"), after=0)
    assert tracks(output) == []
    with pytest.raises(BehindError):
        journal.publish(rows("a", "b"), after=0)
    assert tracks(output) == ["a"]
    journal.publish(rows("b"), after=1)
    assert tracks(output) == ["a", "b"]


def test_published_files_are_neither_replaced_nor_removed(journal: ShardJournal, output: Path) -> None:
    journal.publish(rows("a"), after=0)
    before = {name: (output / name).stat().st_mtime_ns for name in files_below(output) if "part-" in name}
    with pytest.raises(BehindError):
        journal.publish(rows("b"), after=0)
    journal.publish(rows("b"), after=1)
    after = {name: (output / name).stat().st_mtime_ns for name in before}
    assert after == before


def test_a_journal_that_is_cut_is_named(journal: ShardJournal, output: Path) -> None:
    journal.publish(rows("a"), after=0)
    (path,) = (output / "_journals").iterdir()
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(OutputError, match=r"_journals/.*\.json is no journal of a run"):
        journal.publish(rows("b"), after=1)


@pytest.mark.parametrize(
    "kind", ["disk", *(pytest.param(each, marks=pytest.mark.slow) for each in ("gs", "s3"))]
)
def test_a_worker_that_slept_while_its_batch_run_ended_publishes_nothing(
    kind: str, output: Path, request: pytest.FixtureRequest
) -> None:
    """It falls asleep when it has made sure that the run holds the output, and had taken its look before."""
    location = str(output)
    if kind != "disk":
        server: Any = request.getfixturevalue({"gs": "gcs_server", "s3": "s3_server"}[kind])
        location = f"{server.create_bucket(BUCKET)}/tags"
        forget_storages()
    tables = output_at([location])
    is_held = True

    def ends_after_the_look() -> None:
        nonlocal is_held
        if not is_held:
            raise HoldLostError("the run has ended")
        is_held = False
        tables.discard(PROVENANCE.run_id)

    run = BatchRun(ends_after_the_look, waits=False)
    worker = ShardJournal(location, PROVENANCE.run_id, 0, run)
    with pytest.raises(BehindError):
        worker.publish(rows("a"), after=0)
    with pytest.raises(HoldLostError):
        worker.publish(rows("a"), after=0)
    assert objects.files_below(location) == []
