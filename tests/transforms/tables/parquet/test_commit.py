"""Commits: a wave is seen whole or not at all, wherever a run is killed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.catalog import files_below, keys, leftovers, table
from tests.tracks import analysis_of, shadowed
from tonearm.transforms.elements.track import Track
from tonearm.transforms.tables.contract import StagedRowsMissingError
from tonearm.transforms.tables.parquet import commit
from tonearm.transforms.tables.parquet.commit import (
    discard_staged,
    make_visible,
    recover,
    staging_root,
)
from tonearm.transforms.tables.parquet.files import ParquetWriter
from tonearm.transforms.tables.rows import Provenance, rows_of
from tonearm.transforms.tables.schemas import PER_TRACK_TABLES, VISIBILITY_ORDER

ENDED = ("wave",)
"""The run that both waves belong to."""

ROWS = {"segments": 2, "embeddings": 1, "shadow_tags": 1, "track_tags": 1}
"""What a wave of one track stages."""

FILES_OF_A_WAVE = 4
"""One each of segments, embeddings and track_tags."""


class KilledError(BaseException):
    """Stands for SIGKILL: nothing behind it runs."""


@pytest.fixture
def staged(output: Path) -> Path:
    """An output with one wave that is staged and not committed."""
    stage(output, "wave-1", "a")
    return output


def stage(output: Path, wave: str, *track_ids: str) -> None:
    writer = ParquetWriter(staging_root(str(output), wave))
    for track_id in track_ids:
        for name, rows in rows_of(
            shadowed(analysis_of(Track(track_id, "/a.flac"))), Provenance(wave, "musicnn@1", "f")
        ).items():
            writer.write(name, rows)


def die_after(monkeypatch: pytest.MonkeyPatch, renames: int) -> None:
    """Let so many files be moved to their places, then die."""
    move, done = commit.move, list[str]()

    def limited(source: str, target: str) -> None:
        if len(done) == renames:
            raise KilledError
        done.append(target)
        move(source, target)

    monkeypatch.setattr(commit, "move", limited)


def visible_tables(output: Path) -> list[str]:
    return [name for name in VISIBILITY_ORDER if table(output, name)]


def test_a_staged_wave_is_invisible_and_a_committed_one_leaves_nothing_else(staged: Path) -> None:
    assert visible_tables(staged) == []
    make_visible(str(staged), "wave-1", ROWS)
    assert keys(staged) == [("a", "", "musicnn@1")]
    recover(str(staged), ENDED)
    assert leftovers(staged) == []


@pytest.mark.parametrize("renames", range(FILES_OF_A_WAVE + 1))
def test_a_run_killed_while_it_moves_files_is_rolled_forward(
    staged: Path, renames: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage(staged, "wave-2", "b")  # in flight and not committed
    with monkeypatch.context() as patched:
        die_after(patched, renames)
        if renames < FILES_OF_A_WAVE:
            with pytest.raises(KilledError):
                make_visible(str(staged), "wave-1", ROWS)
        else:
            make_visible(str(staged), "wave-1", ROWS)
    assert visible_tables(staged) == [name for name in PER_TRACK_TABLES if name != "failures"][:renames]
    recover(str(staged), ENDED)
    assert [key[0] for key in keys(staged)] == ["a"]
    assert keys(staged, "embeddings") == keys(staged)
    assert len(keys(staged, "segments")) == 2
    assert leftovers(staged) == []


def test_killed_again_and_again_while_rolling_forward(staged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for renames in (1, 0, 1):
        with monkeypatch.context() as patched:
            die_after(patched, renames)
            with pytest.raises(KilledError):
                recover(str(staged), ENDED) if list(staged.glob("_commits/*")) else make_visible(
                    str(staged), "wave-1", ROWS
                )
    assert recover(str(staged), ENDED) == 1
    assert keys(staged) == [("a", "", "musicnn@1")]
    assert recover(str(staged), ENDED) == 0


def test_what_was_staged_and_not_committed_is_removed(staged: Path) -> None:
    assert recover(str(staged), ENDED) == 0
    assert files_below(staged) == []


def test_a_commit_that_fails_half_way_loses_nothing_when_the_wave_is_discarded(
    staged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk, say: the record stands, so the wave has happened."""
    with monkeypatch.context() as patched:
        die_after(patched, 1)
        with pytest.raises(KilledError):
            make_visible(str(staged), "wave-1", ROWS)
    discard_staged(str(staged), "wave-1")
    recover(str(staged), ENDED)
    assert keys(staged) == keys(staged, "embeddings") == [("a", "", "musicnn@1")]


def test_finishing_a_backfill_twice_is_finishing_it_once(staged: Path) -> None:
    make_visible(str(staged), "wave-1", {})
    make_visible(str(staged), "wave-1", {})
    assert keys(staged) == [("a", "", "musicnn@1")]


@pytest.mark.parametrize("table_name", PER_TRACK_TABLES[:2])
def test_a_commit_whose_staged_rows_are_gone_does_not_count(staged: Path, table_name: str) -> None:
    for path in staged.glob(f"_staging/wave-1/{table_name}/*/*.parquet"):
        path.unlink()
    with pytest.raises(StagedRowsMissingError, match=f"rows of {table_name}"):
        make_visible(str(staged), "wave-1", ROWS)
    discard_staged(str(staged), "wave-1")
    recover(str(staged), ENDED)
    assert visible_tables(staged) == leftovers(staged) == []


def test_what_another_run_has_staged_is_left_alone(staged: Path) -> None:
    stage(staged, "other-1", "b")
    recover(str(staged), ENDED)
    make_visible(str(staged), "other-1", ROWS)
    assert [key[0] for key in keys(staged)] == ["b"]


def test_what_a_run_of_long_ago_has_staged_is_removed(output: Path) -> None:
    days_ago = datetime.now(UTC) - timedelta(days=15)
    stage(output, f"{days_ago:%Y%m%dT%H%M%S}-1f2e3d4c-000001", "a")
    stage(output, f"{datetime.now(UTC):%Y%m%dT%H%M%S}-1f2e3d4c-000001", "b")
    recover(str(output), ())
    assert len(list(output.glob("_staging/*"))) == 1
