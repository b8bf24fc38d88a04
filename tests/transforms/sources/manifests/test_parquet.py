"""Typed columns of Parquet become the text that a person would write."""

from __future__ import annotations

import datetime
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tonearm.transforms.elements.arrival import track_of
from tonearm.transforms.elements.track import Track
from tonearm.transforms.sources.listing import announced_at
from tonearm.transforms.sources.manifests.contract import ManifestRow
from tonearm.transforms.sources.manifests.reading import manifest_or_listing, read_manifest


def rows_with(folder: Path, values: pa.Array, column: str = "x") -> list[ManifestRow]:
    """The rows of a manifest with one further column, or another one in the place of a required one."""
    columns: dict[str, Any] = {
        "track_id": [str(number) for number in range(len(values))],
        "uri": ["a.mp3"] * len(values),
    }
    pq.write_table(pa.table(columns | {column: values}), folder / "a.parquet")
    return [found.row for found in read_manifest(manifest_or_listing(str(folder / "a.parquet"))[0])]


def texts(folder: Path, values: pa.Array, column: str = "x") -> list[str | None]:
    rows = rows_with(folder, values, column)
    assert not any(row.problem for row in rows), rows
    return [row.values.get(column) for row in rows]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array(["ü", None, ""], pa.large_string()), ["ü", None, ""]),
        (pa.array(["a", "b", "a"]).dictionary_encode(), ["a", "b", "a"]),
        (pa.array([0, -1, None], pa.int64()), ["0", "-1", None]),
        (pa.array([2**64 - 1], pa.uint64()), ["18446744073709551615"]),
        (pa.array([0.1, float("nan"), 1722.0], pa.float64()), ["0.1", None, "1722.0"]),
        (pa.array([0.1, float("nan")], pa.float32()), ["0.1", None]),
        (pa.array([True, False]), ["true", "false"]),
        (pa.array([Decimal("1.50"), Decimal("0E-9")], pa.decimal128(20, 9)), ["1.500000000", "0.000000000"]),
        (pa.array([b"ab", b"\xff\x00"]), ["ab", "ff00"]),
        (pa.array([b"abcd"], pa.binary(4)), ["abcd"]),
        (pa.array([datetime.date(1722, 5, 1)]), ["1722-05-01"]),
        (pa.array([1], pa.timestamp("ns")), ["1970-01-01T00:00:00.000000001"]),
        (pa.array([1_500], pa.timestamp("ms", "Europe/Berlin")), ["1970-01-01T00:00:01.5Z"]),
        (pa.array([0], pa.timestamp("us", "+03:17")), ["1970-01-01T00:00:00Z"]),
        (pa.array([1_000_000_500], pa.time64("ns")), ["00:00:01.0000005"]),
        (pa.array([90_500], pa.duration("ms")), ["90.5"]),
        (pa.array([["x", "y"], []]), ['["x", "y"]', "[]"]),
        (pa.array([{"a": 1, "b": b"c"}]), ['{"a": 1, "b": "c"}']),
        (pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int32())), ['{"k": 1}']),
        (pa.array([None, None]), [None, None]),
    ],
    ids=lambda each: str(each.type) if isinstance(each, pa.Array) else "",
)
def test_a_typed_value_becomes_plain_text(tmp_path: Path, values: pa.Array, expected: list[str]) -> None:
    assert texts(tmp_path, values) == expected


def test_ids_and_uris_may_have_any_type(tmp_path: Path) -> None:
    assert texts(tmp_path, pa.array([0, 7]), "track_id") == ["0", "7"]
    assert texts(tmp_path, pa.array([b"id"]), "track_id") == ["id"]
    assert texts(tmp_path, pa.array([b"a.mp3", b"caf\xe9.mp3"]), "uri") == ["a.mp3", "caf\udce9.mp3"]
    known = uuid.UUID("12345678123456781234567812345678")
    assert texts(tmp_path, pa.array([known.bytes], pa.uuid()), "track_id") == [str(known)]


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (pa.array([0, 2**50], pa.timestamp("s")), "out of the range of years"),
        (pa.array([0, 2**31 - 1], pa.int32()).cast(pa.date32()), "out of the range of years"),
        (pa.StringArray.from_buffers(2, *pa.array([b"a", b"\xff"]).buffers()[1:]), "not in UTF-8"),
        (pa.array(["a", "b\0"]), "NUL"),
        (pa.array([[0], [2**50]], pa.list_(pa.timestamp("s"))), "cannot be told"),
    ],
    ids=lambda each: str(each.type) if isinstance(each, pa.Array) else each,
)
def test_a_value_that_cannot_be_told_costs_its_row(tmp_path: Path, values: pa.Array, problem: str) -> None:
    good, bad = rows_with(tmp_path, values)
    assert not good.problem
    assert problem in bad.problem
    assert bad.values["track_id"] == "1"


def test_a_time_zone_that_nobody_knows_costs_no_row(tmp_path: Path) -> None:
    odd = pa.array([0, None], pa.int64()).cast(pa.timestamp("us")).view(pa.timestamp("us", "Mars/Phobos"))
    assert texts(tmp_path, odd) == ["1970-01-01T00:00:00Z", None]


@pytest.mark.parametrize(
    "names", [("part-00000", "part-00001"), ("000000000000", "000000000001"), ("000000_0.snappy",)]
)
def test_parts_without_endings_are_known_by_their_first_bytes(tmp_path: Path, names: tuple[str, ...]) -> None:
    for number, name in enumerate(names):
        pq.write_table(pa.table({"track_id": [f"t{number}"], "uri": ["a.flac"]}), tmp_path / name)
    (tmp_path / "_SUCCESS").touch()
    for place in (tmp_path, tmp_path / names[0], tmp_path / f"{names[0][:4]}*"):
        found = [each.uri for each in announced_tracks(str(place))]
        assert set(found) == {str(tmp_path / "a.flac")}
    assert [each.track_id for each in announced_tracks(str(tmp_path))] == [f"t{n}" for n in range(len(names))]


def test_parquet_beside_music_is_no_manifest(tmp_path: Path) -> None:
    pq.write_table(pa.table({"track_id": ["t"], "uri": ["a.flac"]}), tmp_path / "000000000000")
    (tmp_path / "song.flac").write_bytes(b"fLaC")
    assert len(announced_tracks(str(tmp_path))) == 2


def announced_tracks(location: str) -> list[Track]:
    return [track_of(arrival) for arrival in announced_at(location)]
