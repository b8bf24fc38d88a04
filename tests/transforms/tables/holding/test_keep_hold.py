"""Workers of a cluster whose run has lost its hold: what they still write is not seen, and does not stay."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.catalog import counts, keys, leftovers, table, tonearm
from tests.cloud import BUCKET
from tests.tracks import analysis_of
from tonearm.transforms.elements.track import Track
from tonearm.transforms.storage.objects import files_below
from tonearm.transforms.storage.schemes import forget_storages
from tonearm.transforms.tables.contract import BehindError, Journal, Output
from tonearm.transforms.tables.holding.hold import Hold, HoldLostError, held
from tonearm.transforms.tables.holding.holder import Holder
from tonearm.transforms.tables.holding.keep_hold import RequireHold
from tonearm.transforms.tables.outputs import SeveralOutputs, output_at
from tonearm.transforms.tables.parquet import journal as journals
from tonearm.transforms.tables.rows import Provenance, rows_of
from tonearm.transforms.tables.schemas import Row

MINE = Holder("20260314T130000-m1ne", "batch", "this-host", "", "")
OTHER = Holder("20260314T120000-0ther", "batch", "other-host", "", "")

ON_CLUSTER = ("--runner", "apache_beam.runners.portability.fn_api_runner.FnApiRunner")
"""By its full name, Beam's local runner is a cluster to us."""


@pytest.fixture(params=["disk", pytest.param("gs", marks=pytest.mark.slow)])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An output whose rows are visible as they are written."""
    if request.param == "disk":
        return str(tmp_path / "tables")
    server: Any = request.getfixturevalue("gcs_server")
    server.create_bucket(BUCKET)
    forget_storages()
    return f"gs://{BUCKET}/tags"


@pytest.fixture(params=[False, True], ids=["alone", "last of several"])
def output(request: pytest.FixtureRequest, location: str) -> Output:
    """The output by itself, and as the one that waits for others."""
    output = output_at([location])
    output.prepare()
    return SeveralOutputs([output]) if request.param else output


def journal_of(output: Output) -> Journal:
    """The journal of a shard, as a worker has it."""
    require = RequireHold(output.boards(), MINE.run_id)
    journal: Journal = pickle.loads(pickle.dumps(output.backfill_journal(MINE.run_id, 0, require)))
    return journal


def tags() -> dict[str, list[Row]]:
    """The row of one track."""
    provenance = Provenance(MINE.run_id, "t@1", "f")
    return {"track_tags": list(rows_of(analysis_of(Track("a", "/a.flac")), provenance)["track_tags"])}


def take_over(output: Output) -> None:
    """Let another run take the output over."""
    for board in output.boards():
        board.clear()
    Hold(output.boards(), OTHER).take()


def test_rows_are_seen_while_the_run_holds_the_output(output: Output, location: str) -> None:
    Hold(output.boards(), MINE).take()
    assert journal_of(output).publish(tags(), after=0) > 0
    with pytest.raises(BehindError):
        journal_of(output).publish(tags(), after=0)
    output.finish_backfill(MINE.run_id, {"track_tags": 1})
    (_,) = files_below(f"{location}/track_tags", ".parquet")
    output.discard(MINE.run_id)
    assert len(files_below(location)) == 2  # with the hold


def test_what_a_run_writes_that_has_lost_its_hold_is_not_seen_and_does_not_stay(
    output: Output, location: str
) -> None:
    take_over(output)
    with pytest.raises(HoldLostError, match="other-host"):
        journal_of(output).publish(tags(), after=0)
    assert [name.rsplit("/", 1)[1] for name in files_below(location)] == ["_held_by.json"]


def test_a_hold_that_is_lost_while_a_file_is_written(
    output: Output, location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a machine that is suspended just then."""
    Hold(output.boards(), MINE).take()
    make = journals.parquet_bytes

    def suspended(table: str, rows: Sequence[Row]) -> Any:
        take_over(output)
        return make(table, rows)

    monkeypatch.setattr(journals, "parquet_bytes", suspended)
    with pytest.raises(HoldLostError, match="other-host"):
        journal_of(output).publish(tags(), after=0)
    assert [name.rsplit("/", 1)[1] for name in files_below(location)] == ["_held_by.json"]


def test_what_a_suspended_worker_was_killed_at_goes_at_the_end_of_the_run_that_took_over(
    tmp_path: Path,
) -> None:
    output = output_at([str(tmp_path)])
    (tmp_path / "_held_by.json").write_bytes(
        Holder("20260314T120000-0ther", "batch", "h", "", "", successor_of=(OTHER.run_id,)).note()
    )
    (board,) = output.boards()
    taken = board.read()
    assert taken
    # The dead run's process is one of this machine that has ended, so nobody waits.
    ended = Holder.here(OTHER.run_id, "batch")
    assert board.write_if(ended.note(), taken)
    with held(output, MINE) as hold:
        assert OTHER.run_id in hold.dead_runs
        output.staging_writer(f"{OTHER.run_id}-1").write("track_tags", tags()["track_tags"])
    assert leftovers(tmp_path) == []


def test_a_job_whose_hold_is_lost_before_it_writes_leaves_the_tables_as_they_were(
    songs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "tables"
    make = journals.parquet_bytes

    def late(name: str, rows: Sequence[Row]) -> Any:
        take_over(output_at([str(folder)]))
        return make(name, rows)

    with monkeypatch.context() as patched:
        patched.setattr(journals, "parquet_bytes", late)
        assert tonearm("ingest", songs, "--output", folder, *ON_CLUSTER) == 1
    assert "other-host" in capsys.readouterr().err
    assert [table(folder, name) for name in ("track_tags", "segments", "embeddings", "failures")] == [[]] * 4
    assert files_below(str(folder / "_staging")) == files_below(str(folder / "_commits")) == []
    (folder / "_held_by.json").unlink()
    assert tonearm("ingest", songs, "--output", folder, *ON_CLUSTER) == 0
    assert len(set(keys(folder))) == len(keys(folder)) == counts(folder)[1] == 4
