"""Manifests as catalogs write them: CSV, JSON Lines and Parquet, from the tidy to the broken."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tonearm.transforms.sources.manifest import ManifestError, is_manifest, read_manifest


def rows_of(path: Path, content: str | bytes) -> list[dict[str, object]]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return [dict(row) for row in read_manifest(str(path))]


@pytest.mark.parametrize(
    ("name", "manifest"),
    [
        ("a.csv", True),
        ("A.CSV", True),
        ("b.jsonl", True),
        ("c.parquet", True),
        ("d.mp3", False),
        ("csv", False),
    ],
)
def test_a_manifest_is_known_by_its_ending(name: str, manifest: bool) -> None:
    assert is_manifest(f"/catalog/{name}") is manifest


def test_csv_may_begin_with_a_byte_order_mark_and_hold_quoted_newlines(tmp_path: Path) -> None:
    content = b'\xef\xbb\xbftrack_id,uri,title\r\n1,a.mp3,"two\nlines"\r\n'
    assert rows_of(tmp_path / "a.csv", content) == [{"track_id": "1", "uri": "a.mp3", "title": "two\nlines"}]


def test_json_lines_may_have_blank_lines_and_nested_values(tmp_path: Path) -> None:
    content = '{"track_id": 1, "uri": "a.mp3", "isrc": ["x"]}\n\n{"track_id": 2, "uri": "b.mp3"}\n'
    rows = rows_of(tmp_path / "a.jsonl", content)
    assert rows == [{"track_id": 1, "uri": "a.mp3", "isrc": ["x"]}, {"track_id": 2, "uri": "b.mp3"}]


def test_a_line_that_is_no_json_object_becomes_an_empty_row(tmp_path: Path) -> None:
    content = '{"track_id": "1", "uri": "a.mp3"}\n[1, 2]\n{broken\n'
    assert rows_of(tmp_path / "a.jsonl", content)[1:] == [{}, {}]


def test_parquet_is_read_with_its_types(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"track_id": ["1"], "uri": ["a.mp3"], "year": [1722]}), path)
    assert [dict(row) for row in read_manifest(str(path))] == [
        {"track_id": "1", "uri": "a.mp3", "year": 1722}
    ]


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("a.csv", "id,uri\n1,a.mp3\n", "lacks the column track_id; found: id, uri"),
        ("a.csv", "", "lacks the columns track_id, uri; found: none"),
        ("a.csv", b"track_id,uri\n1,\xff\xfe\n", "cannot be read as a manifest"),
        ("a.jsonl", '{"track_id": "1"}\n', "lacks the column uri; found: track_id"),
        ("a.parquet", "no Parquet", "cannot be read as a manifest"),
    ],
)
def test_a_manifest_that_cannot_be_used_says_why(
    tmp_path: Path, name: str, content: str | bytes, complaint: str
) -> None:
    with pytest.raises(ManifestError, match=complaint):
        rows_of(tmp_path / name, content)


def test_a_manifest_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="no such manifest"):
        list(read_manifest(str(tmp_path / "missing.csv")))
