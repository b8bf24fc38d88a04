"""Files of the tables read back: those of an earlier version with the new, and what is no file of ours."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from tests.catalog import leftovers, query, tonearm, write_song
from tonearm.transforms.tables.schemas import FILE_SCHEMAS
from tonearm.transforms.tables.stored_rows import table_rows


@pytest.fixture
def before_and_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Tables with a file of each version: the later one has one column more."""
    first, second = (write_song(tmp_path / f"{name}.flac") for name in ("before", "after"))
    assert tonearm("ingest", first, "--output", tmp_path / "tables") == 0
    added = pa.field("key", pa.string(), metadata={"description": "Musical key"})
    schema = FILE_SCHEMAS["track_tags"]
    monkeypatch.setitem(FILE_SCHEMAS, "track_tags", schema.insert(3, added))  # type: ignore[arg-type]
    assert tonearm("ingest", second, "--output", tmp_path / "tables") == 0
    return tmp_path / "tables"


def test_tables_of_before_and_after_read_together(before_and_after: Path) -> None:
    pattern = "'{output}/track_tags/**/*.parquet', hive_partitioning = true, union_by_name = true"
    in_duckdb = query(f"select track_id, key from read_parquet({pattern})", before_and_after)
    files = ds.dataset(
        before_and_after / "track_tags", partitioning="hive", schema=FILE_SCHEMAS["track_tags"]
    )
    in_pyarrow = files.to_table(columns=["track_id", "key", "ingest_date"]).to_pylist()
    ours = list(table_rows(str(before_and_after), "track_tags", ["track_id", "key"]))
    whole = list(table_rows(str(before_and_after), "track_tags"))
    assert len(in_duckdb) == len(in_pyarrow) == len(ours) == len(whole) == 2
    for rows in (in_duckdb, in_pyarrow, ours, whole):
        assert [row["key"] for row in rows] == [None, None]
    assert tonearm("show", before_and_after) == 0


def foreign(path: Path) -> None:
    pq.write_table(pa.table({"artist": ["Ada"]}), path)


def of_another_type(path: Path) -> None:
    pq.write_table(pa.table({"track_id": [[1]], "generation": ["x"], "tagger": ["x"]}), path)


def cut(path: Path) -> None:
    whole = next(path.parent.glob("part-*.parquet"))
    path.write_bytes(whole.read_bytes()[:-100])


def no_parquet(path: Path) -> None:
    path.write_text("notes")


@pytest.mark.parametrize("make", [foreign, of_another_type, cut, no_parquet])
def test_a_file_that_is_not_ours_is_told_by_name_before_the_first_track(
    songs: Path, output: Path, make: object, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tonearm("ingest", songs / "mp3.mp3", "--output", output) == 0
    (partition,) = output.glob("track_tags/*")
    make(in_the_way := partition / "in the way.parquet")  # type: ignore[operator]
    assert tonearm("ingest", songs, "--output", output) == 2
    assert str(in_the_way) in capsys.readouterr().err
    assert leftovers(output) == []
    in_the_way.unlink()
    assert tonearm("ingest", songs, "--output", output) == 0
