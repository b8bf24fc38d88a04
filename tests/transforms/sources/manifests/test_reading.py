"""Manifests as catalogs write them, from the tidy to the broken: one bad row costs one row."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.transforms.storage.stores import Store
from tonearm.transforms.sources.manifests.contract import ManifestError
from tonearm.transforms.sources.manifests.reading import (
    is_manifest,
    manifest_or_listing,
    read_manifest,
    require_readable_kind,
)

HEADER = "track_id,uri,title\n"


def rows_at(location: Path | str) -> list[dict[str, str]]:
    return [dict(found.row.values) for found in read_manifest(manifest_or_listing(str(location))[0])]


def rows_of(path: Path, content: str | bytes) -> list[dict[str, str]]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return rows_at(path)


def problems_of(path: Path, content: str | bytes) -> dict[int, str]:
    """The numbers of the rows that cannot be used, and why; the others must be good ones."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = list(read_manifest(manifest_or_listing(str(path))[0]))
    for each in found:
        if not each.row.problem:
            assert each.row.values["uri"].endswith(".mp3")
    return {each.number: each.row.problem for each in found if each.row.problem}


@pytest.mark.parametrize(
    ("name", "manifest"),
    [
        *(
            (name, True)
            for name in ("a.csv", "A.CSV", "b.jsonl", "c.parquet", "d.csv.gz", "e.tsv", "f.ndjson")
        ),
        *((name, True) for name in ("g.jsonl.gz", "h.json", "i.csv/")),
        *((name, False) for name in ("d.mp3", "csv", "a.gz", "csv.mp3")),
    ],
)
def test_a_manifest_is_known_by_its_ending(name: str, manifest: bool) -> None:
    assert is_manifest(f"/catalog/{name}") is manifest


@pytest.mark.parametrize("name", ["a.xlsx", "a.csv.zst", "a.avro", "A.M3U", "music.zip"])
def test_what_is_not_read_is_refused_by_name(name: str) -> None:
    with pytest.raises(ManifestError, match="is not read as a manifest; "):
        require_readable_kind(f"/catalog/{name}")


def test_csv_may_begin_with_a_byte_order_mark_and_hold_quoted_newlines(tmp_path: Path) -> None:
    content = b'\xef\xbb\xbf"track_id",uri,title\r\n1,a.mp3,"two\nlines, ""quoted"""\r\n'
    expected = [{"track_id": "1", "uri": "a.mp3", "title": 'two\nlines, "quoted"'}]
    assert rows_of(tmp_path / "a.csv", content) == expected


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\r\r\n"])
def test_lines_may_end_as_any_program_ends_them(tmp_path: Path, end: str) -> None:
    lines = ["track_id,uri,title", "1,a.mp3,x", '2,b.mp3,"two\rlines"', "3,c.mp3,y"]
    found = rows_of(tmp_path / "a.csv", end.join(lines))
    assert [row["track_id"] for row in found] == ["1", "2", "3"]
    assert found[1]["title"] == "two\rlines"


def test_a_carriage_return_in_the_middle_swallows_no_row_of_a_large_file(tmp_path: Path) -> None:
    rows = 200_000  # more than is read at a time
    content = "track_id,uri\n" + "\r".join(f"{number},a.mp3" for number in range(rows)) + "\rlast,b.mp3\n"
    found = rows_of(tmp_path / "a.csv", content)
    assert (len(found), found[-1]["track_id"]) == (rows + 1, "last")


@pytest.mark.parametrize("name", ["track_id", "uri"])
def test_a_required_column_that_is_there_twice_is_refused_by_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(ManifestError, match=f"more than one column {name}"):
        rows_of(tmp_path / "a.csv", f"track_id,uri,{name}\n1,a.mp3,b\n")


def test_a_further_column_takes_no_other_ones_place(tmp_path: Path) -> None:
    found = rows_of(tmp_path / "a.csv", "track_id,uri,title,title\n1,a.mp3,x,y\n")
    assert found == [{"track_id": "1", "uri": "a.mp3", "title": "x", "title (2)": "y"}]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_columns_may_be_parted_by_what_spreadsheets_write(tmp_path: Path, delimiter: str) -> None:
    content = delimiter.join([" Track_ID ", "URI", "title"]) + "\n" + delimiter.join(["1", "a.mp3", '"x,;"'])
    assert rows_of(tmp_path / "a.csv", content) == [{"track_id": "1", "uri": "a.mp3", "title": "x,;"}]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"2,\xff\xfe.mp3,x", "UTF-8"),
        (b"2,b\0.mp3,x", "NUL"),
        (b'2,"b.mp3,never closed', "never closed"),
        (b'"2,b.mp3,never closed', "never closed"),
        (b'2,"b"x.mp3,y', "expected after"),
        (b"2,b.mp3," + b"x" * 200_000, "field larger"),
        (b"2,b.mp3," + b"x" * 3_000_000, "longer than"),
    ],
)
def test_a_bad_line_of_csv_costs_itself(tmp_path: Path, line: bytes, problem: str) -> None:
    content = HEADER.encode() + b"1,a.mp3,x\n\n" + line + b'\n3,c.mp3,"y, z"\n4,d.mp3,w\n'
    found = problems_of(tmp_path / "a.csv", content)
    assert list(found) == [2]
    assert problem in found[2]


def test_many_quotes_that_are_never_closed_take_no_longer_than_their_lines(tmp_path: Path) -> None:
    content = HEADER + "".join(f'{number},"{number}.mp3,x\n{number}b,b.mp3,y\n' for number in range(2000))
    begun = time.monotonic()
    found = problems_of(tmp_path / "a.csv", content)
    assert list(found) == list(range(1, 4001, 2))
    assert time.monotonic() - begun < 20


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"[1, 2]", "no JSON object"),
        (b"{broken", "no JSON object"),
        (b'{"track_id": "2", "uri": "b\xff.mp3"}', "no JSON object"),
        (b'{"track_id": "2", "uri": "\\ud800.mp3"}', "half a character"),
        (b'{"track_id": "2", "uri": "b.mp3", "title": "\\u0000"}', "NUL"),
        (b'{"track_id": "2", "uri": ["b.mp3"]}', "neither text nor a number"),
        (b'{"track_id": {"a": 1}, "uri": "b.mp3"}', "neither text nor a number"),
        (b'{"track_id": "2", "uri": "b.mp3", "x": ' + b"[" * 200_000 + b"]" * 200_000 + b"}", "no JSON"),
        (b'{"track_id": "2", "uri": "b.mp3", "x": ' + b"9" * 10_000 + b"}", "no JSON object"),
    ],
)
@pytest.mark.parametrize("array", [False, True])
def test_a_bad_object_costs_itself(tmp_path: Path, line: bytes, problem: str, array: bool) -> None:
    good = [b'{"track_id": "%d", "uri": "%d.mp3", "brackets": "]}\\""}' % (each, each) for each in (1, 3, 4)]
    lines = [good[0], line, *good[1:]]
    content = b"[" + b",\n ".join(lines) + b"]" if array else b"\n".join(lines)
    if array and line in (b"{broken", b'{"track_id": "2", "uri": "b\xff.mp3"}'):
        return  # where such an element ends nobody can tell; and what is no UTF-8 has only lines to part it
    found = problems_of(tmp_path / ("a.json" if array else "a.jsonl"), content)
    assert list(found) == [2]
    assert problem in found[2]


def test_json_values_become_plain_text(tmp_path: Path) -> None:
    row = {"Track_ID": 0, "uri": "a.mp3", "year": 1722, "live": True, "who": ["x"], "label": None}
    content = json.dumps(row) + '\n\n{"Track_ID": 1, "uri": "b.mp3", "gain": NaN}\n'
    assert rows_of(tmp_path / "a.jsonl", content) == [
        {"track_id": "0", "uri": "a.mp3", "year": "1722", "live": "true", "who": '["x"]'},
        {"track_id": "1", "uri": "b.mp3"},
    ]


def test_json_may_be_an_array_or_lines_and_nothing_else(tmp_path: Path) -> None:
    rows = [{"track_id": str(number), "uri": f"{number}.mp3"} for number in range(3)]
    assert rows_of(tmp_path / "a.json", json.dumps(rows, indent=1)) == rows
    assert rows_of(tmp_path / "b.json", "\n".join(map(json.dumps, rows))) == rows
    with pytest.raises(ManifestError, match="neither an array of objects nor JSON Lines"):
        rows_of(tmp_path / "c.json", json.dumps({"tracks": rows}, indent=1))


@pytest.mark.parametrize("name", ["a.csv.gz", "a.tsv.gz", "a.jsonl.gz", "a.ndjson.gz", "a.json.gz"])
def test_a_manifest_may_be_compressed(tmp_path: Path, name: str) -> None:
    delimiter = "\t" if "tsv" in name else ","
    content = '{"track_id": "1", "uri": "a.mp3"}\n'
    if "json" not in name:
        content = f"track_id{delimiter}uri\n1{delimiter}a.mp3\n"
    assert rows_of(tmp_path / name, gzip.compress(content.encode())) == [{"track_id": "1", "uri": "a.mp3"}]


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("a.csv", "id,uri\n1,a.mp3\n", "lacks the column track_id; found: id, uri"),
        ("a.csv", "", "lacks the columns track_id, uri; found: none"),
        ("a.csv", "track_id,uri\n1,a.mp3\n".encode("utf-16"), "is in UTF-16; save it in UTF-8"),
        ("a.csv", "track_id,uri\n1,a.mp3\n".encode("utf-16-le"), "is in UTF-16; save it in UTF-8"),
        ("a.csv", b"track_id,uri,k\xfcnstler\n", "header is not in UTF-8"),
        ("a.jsonl", '{"track_id": "1"}\n', "lacks the column uri; found: track_id"),
        ("a.parquet", "no Parquet", "cannot be read as a manifest"),
        ("a.csv.gz", gzip.compress(b"track_id,uri\n" * 1000, mtime=0)[:-20], "cannot be read"),
    ],
)
def test_a_manifest_that_cannot_be_used_says_why(
    tmp_path: Path, name: str, content: str | bytes, complaint: str
) -> None:
    with pytest.raises(ManifestError, match=complaint):
        rows_of(tmp_path / name, content)


def test_a_manifest_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="no such manifest"):
        rows_at(tmp_path / "missing.csv")


@pytest.mark.parametrize("folder", ["parts", "catalog.parquet", "parts [new]"])
def test_a_folder_of_parquet_parts_is_a_manifest(store: Store, tmp_path: Path, folder: str) -> None:
    for number in range(2):
        part = tmp_path / "part.parquet"
        pq.write_table(pa.table({"track_id": [str(number)], "uri": [f"{number}.mp3"]}), part)
        store.put(f"{folder}/part-{number}.parquet", part.read_bytes(), None)
    store.put(f"{folder}/_SUCCESS", b"", None)
    store.put(f"{folder}/.part-0.parquet.crc", b"x", None)
    expected = [{"track_id": "0", "uri": "0.mp3"}, {"track_id": "1", "uri": "1.mp3"}]
    assert rows_at(store.at(folder)) == rows_at(store.at(f"{folder}/")) == expected
    assert rows_at(store.at("*/part-1.parquet")) == expected[1:]
    store.put(f"{folder}/z.mp3", b"music", None)
    assert manifest_or_listing(store.at(folder))[0] == []


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    damage=st.binary(min_size=1, max_size=30), at=st.integers(0, 200), name=st.sampled_from(["csv", "jsonl"])
)
def test_damage_in_one_row_leaves_the_rows_far_behind_it(
    tmp_path: Path, damage: bytes, at: int, name: str
) -> None:
    line: Callable[[int], str] = {
        "csv": lambda number: f'{number},{number}.mp3,"x {number}"\n',
        "jsonl": lambda number: json.dumps({"track_id": number, "uri": f"{number}.mp3"}) + "\n",
    }[name]
    lines = "".join(map(line, range(60)))
    head = HEADER if name == "csv" else line(0)
    damaged = head.encode() + lines.encode()[:at] + damage + lines.encode()[at:]
    path = tmp_path / f"a.{name}"
    path.write_bytes(damaged)
    tail = [found.row for found in read_manifest(manifest_or_listing(str(path))[0])][-30:]
    assert [row.values["uri"] for row in tail] == [f"{number}.mp3" for number in range(30, 60)]
    assert not any(row.problem for row in tail)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[{"track_id": "1", "uri": "a.mp3"}', "the array has no end: the file may be cut here"),
        ('[{"track_id": "1", "uri": "a.mp3"}, ', "the array has no end: the file may be cut here"),
        ('[{"track_id": "1", "uri": "a.mp3"}] {"track_id": 2}', "it stands behind the end of the array"),
    ],
)
def test_an_array_that_is_cut_or_goes_on_behind_its_end_is_told(
    tmp_path: Path, text: str, problem: str
) -> None:
    (path := tmp_path / "catalog.json").write_text(text)
    rows = [found.row for found in read_manifest(manifest_or_listing(str(path))[0])]
    assert [row.problem for row in rows] == ["", problem]


@pytest.mark.parametrize("name", ["catalog.json", "catalog.jsonl", "catalog.csv"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_text_in_utf_16_is_refused_whole(tmp_path: Path, name: str, encoding: str) -> None:
    text = "track_id,uri\n1,a" if name.endswith("csv") else '{"track_id": "1", "uri": "a.mp3"}\n'
    (path := tmp_path / name).write_bytes(text.encode(encoding))
    with pytest.raises(ManifestError, match="in UTF-16"):
        list(read_manifest(manifest_or_listing(str(path))[0]))


def test_blank_lines_before_the_header_are_none(tmp_path: Path) -> None:
    (path := tmp_path / "catalog.csv").write_text("\n  \ntrack_id,uri\n1,a.mp3\n")
    rows = [found.row for found in read_manifest(manifest_or_listing(str(path))[0])]
    assert [row.values["uri"] for row in rows] == ["a.mp3"]


@pytest.mark.parametrize("line", ["sep=;\r\n", "SEP=;\n", '"sep=;"\r\n', "\ufeffsep=;\r"])
def test_the_line_by_which_excel_knows_the_delimiter_is_no_header(tmp_path: Path, line: str) -> None:
    assert rows_of(tmp_path / "a.csv", line + "track_id;uri;title\n1;a.mp3;x,y\n") == [
        {"track_id": "1", "uri": "a.mp3", "title": "x,y"}
    ]
    assert rows_of(tmp_path / "b.csv", "sep=^\ntrack_id^uri\n1^a.mp3\n") == [
        {"track_id": "1", "uri": "a.mp3"}
    ]


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\r\r\n"])
def test_lines_of_json_may_end_as_any_program_ends_them(tmp_path: Path, end: str) -> None:
    rows = [{"track_id": str(number), "uri": f"{number}.mp3"} for number in range(3)]
    assert rows_of(tmp_path / "a.jsonl", end.join(map(json.dumps, rows))) == rows
    assert rows_of(tmp_path / "a.json", end.join(map(json.dumps, rows))) == rows


@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_each_object_may_spell_its_columns_in_its_own_way(tmp_path: Path, name: str) -> None:
    spelt = [("track_id", "uri"), ("Track_ID", "URI"), ("URI", "TRACK_ID")]
    values = {"track_id": "1", "uri": "a.mp3"}
    objects = [{key: values[key.lower()] for key in keys} for keys in spelt]
    content = json.dumps(objects) if name == "a.json" else "\n".join(map(json.dumps, objects))
    assert rows_of(tmp_path / name, content) == [values] * 3


@pytest.mark.parametrize("content", ['[{"track_id": "1", "uri": "a.mp3"}]', '[\n{"track_id": "1"}\n]'])
def test_an_array_by_the_name_of_lines_is_told_its_ending(tmp_path: Path, content: str) -> None:
    with pytest.raises(ManifestError, match=r"is an array, .* name it \.json"):
        rows_of(tmp_path / "a.jsonl", content)


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.json"])
def test_what_is_compressed_is_read_whatever_its_name_says(tmp_path: Path, name: str) -> None:
    content = "track_id,uri\n1,a.mp3\n" if name == "a.csv" else '{"track_id": "1", "uri": "a.mp3"}\n'
    assert rows_of(tmp_path / name, gzip.compress(content.encode())) == [{"track_id": "1", "uri": "a.mp3"}]


@pytest.mark.parametrize("content", [b"PK\x03\x04\x14\0\x06\0", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"])
def test_a_spreadsheet_by_another_name_is_told_as_one(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ManifestError, match="is a spreadsheet or an archive by another name"):
        rows_of(tmp_path / "a.csv", content)
