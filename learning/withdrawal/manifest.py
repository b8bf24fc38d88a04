"""Setting ``training_opt_in`` to false in a labelled manifest: of some tracks, and nothing else in it.

A file is written whole in place of the one before. Rows that are not changed stay as they are: byte for byte
in CSV and JSON Lines, value for value in Parquet and JSON.
"""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tonearm.errors import WrongCallError
from tonearm.transforms.sources.manifests.delimited import edited_delimited
from tonearm.transforms.sources.manifests.lines import lines_of
from tonearm.transforms.storage.objects import read_object, write_if_unchanged

_COLUMN = "training_opt_in"

_MOST_LINE_BYTES = 16 << 20

_GZIP = ".gz"


def withdraw_consent(location: str, track_ids: Collection[str]) -> None:
    """Set the consent of tracks to false in one file of a manifest.

    Args:
        location: Path or URL of the file.
        track_ids: The tracks; those that are not in it are passed over.

    Raises:
        WrongCallError: It is of a form that cannot be written, or another program has changed it meanwhile.
        StorageError: It cannot be read or written.
    """
    found = read_object(location)
    if found is None:
        raise WrongCallError(f"{location}: is not there any more")
    packed = location.lower().endswith(_GZIP)
    before = gzip.decompress(found.content) if packed else found.content
    after = _edit_of(location)(before, frozenset(track_ids))
    if after == before:
        return
    content = gzip.compress(after, mtime=0) if packed else after
    if write_if_unchanged(location, content, found) is None:
        raise WrongCallError(f"{location}: another program has just changed it; try again")


def _edit_of(location: str) -> Callable[[bytes, Collection[str]], bytes]:
    name = location.lower().removesuffix(_GZIP)
    for endings, edit in _EDITS.items():
        if name.endswith(endings):
            return partial(edit, location) if edit is _delimited else edit
    if name.rpartition("/")[2].count(".") == 0:
        return _parquet  # parts of an export have no ending
    raise WrongCallError(f"{location}: cannot be written; set {_COLUMN} to false in it by hand")


def _delimited(location: str, content: bytes, track_ids: Collection[str]) -> bytes:
    def edit(values: Mapping[str, str]) -> Mapping[str, str]:
        return _withdrawn(values, track_ids, "false")

    return b"".join(edited_delimited(io.BytesIO(content), location, edit))


def _withdrawn(values: Mapping[str, Any], track_ids: Collection[str], no: Any) -> dict[str, Any]:
    """What changes in a row: its consent, if it is of one of the tracks and has any."""
    named = {name.strip().casefold(): name for name in values}
    column, key = named.get(_COLUMN), named.get("track_id")
    if column is None or key is None or str(values[key]).strip() not in track_ids:
        return {}
    return {column: no}


def _json_lines(content: bytes, track_ids: Collection[str]) -> bytes:
    return b"".join(_json_line(line, track_ids) for line in lines_of(io.BytesIO(content), _MOST_LINE_BYTES))


def _json_line(line: bytes, track_ids: Collection[str]) -> bytes:
    text = line.removeprefix(b"\xef\xbb\xbf").strip()
    try:
        row = json.loads(text) if text else None
    except ValueError:
        return line
    if not isinstance(row, dict) or not (changed := _withdrawn(row, track_ids, False)):
        return line
    return json.dumps({**row, **changed}, ensure_ascii=False).encode() + line[len(line.rstrip(b"\r\n")) :]


def _json(content: bytes, track_ids: Collection[str]) -> bytes:
    rows = json.loads(content.removeprefix(b"\xef\xbb\xbf"))
    if not isinstance(rows, list):
        return _json_lines(content, track_ids)
    changes = [_withdrawn(row, track_ids, False) if isinstance(row, dict) else {} for row in rows]
    if not any(changes):
        return content
    edited = [{**row, **change} if change else row for row, change in zip(rows, changes, strict=True)]
    return json.dumps(edited, ensure_ascii=False, indent=1).encode()


def _parquet(content: bytes, track_ids: Collection[str]) -> bytes:
    table = pq.read_table(pa.BufferReader(content))
    named = {name.strip().casefold(): index for index, name in enumerate(table.column_names)}
    column, key = named.get(_COLUMN), named.get("track_id")
    if column is None or key is None:
        return content
    ids = [str(value).strip() for value in table.column(key).to_pylist()]
    kind = table.schema.field(column).type
    no = False if pa.types.is_boolean(kind) else "false"
    values = table.column(column).to_pylist()
    changed = [no if track_id in track_ids else value for track_id, value in zip(ids, values, strict=True)]
    if changed == values:
        return content
    edited = table.set_column(column, table.schema.field(column), pa.array(changed, kind))
    sink = pa.BufferOutputStream()
    pq.write_table(edited, sink, compression="zstd")
    return sink.getvalue().to_pybytes()


_EDITS: dict[tuple[str, ...], Callable[..., bytes]] = {
    (".csv", ".tsv"): _delimited,
    (".jsonl", ".ndjson"): _json_lines,
    (".json",): _json,
    (".parquet", ".parq"): _parquet,
}
"""What writes each form, by ending; the forms that are read."""
