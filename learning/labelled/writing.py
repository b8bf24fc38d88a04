"""Writing labelled manifests: one form for each ending of a file's name."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tonearm.errors import WrongCallError
from tonearm.learning.labelled.track import LabelledTrack
from tonearm.transforms.storage.objects import write_object
from tonearm.transforms.storage.schemes import stored_uri

_COLUMNS = ("track_id", "uri", "labels", "group", "split", "licence", "training_opt_in")

_TYPES = {"labels": pa.map_(pa.string(), pa.int8()), "training_opt_in": pa.bool_()}
"""Types of columns in Parquet that are not text."""

_OPT_IN = {True: "true", False: "false", None: ""}
"""Consent in CSV; a blank cell is for somebody to fill in."""


def require_writable_kind(location: str) -> None:
    """Refuse a file whose ending names no form of manifest that is written, before any work.

    Raises:
        WrongCallError: With the endings that there are.
    """
    if not any(location.lower().endswith(ending) for ending in _WRITERS):
        raise WrongCallError(f"{location}: a labelled manifest is written as {', '.join(_WRITERS)}")


def write_labelled(tracks: Iterable[LabelledTrack], location: str) -> None:
    """Write a manifest, whole or not at all; the same tracks give the same bytes.

    Args:
        tracks: In the order of the rows.
        location: Path or URL; its ending tells the form.

    Raises:
        WrongCallError: The ending names no form.
        StorageError: It cannot be written.
    """
    write_object(location, labelled_content(tracks, location))


def labelled_content(tracks: Iterable[LabelledTrack], location: str) -> bytes:
    """The bytes of a manifest; see :func:`write_labelled`.

    Raises:
        WrongCallError: The ending of its path or URL names no form.
    """
    require_writable_kind(location)
    write = next(write for ending, write in _WRITERS.items() if location.lower().endswith(ending))
    return write([_values(track) for track in tracks])


def _values(track: LabelledTrack) -> dict[str, Any]:
    return {
        "track_id": track.track_id,
        "uri": stored_uri(track.uri),
        "labels": track.labels,
        "group": track.group,
        "split": track.split or "",
        "licence": track.licence,
        "training_opt_in": track.training_opt_in,
        **track.metadata,
    }


def _columns(rows: list[dict[str, Any]]) -> list[str]:
    """The columns of a manifest, and the further ones of any row."""
    return list(dict.fromkeys([*_COLUMNS, *(name for row in rows for name in row)]))


def _csv(rows: list[dict[str, Any]]) -> bytes:
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, _columns(rows), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(
            {**row, "labels": row["labels"].text, "training_opt_in": _OPT_IN[row["training_opt_in"]]}
        )
    return file.getvalue().encode()


def _json_lines(rows: list[dict[str, Any]]) -> bytes:
    lines = (json.dumps({**row, "labels": row["labels"].values}, ensure_ascii=False) for row in rows)
    return "".join(f"{line}\n" for line in lines).encode()


def _parquet(rows: list[dict[str, Any]]) -> bytes:
    schema = pa.schema([(name, _TYPES.get(name, pa.string())) for name in _columns(rows)])
    table = pa.Table.from_pylist(
        [{**row, "labels": list(row["labels"].values.items())} for row in rows], schema
    )
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue().to_pybytes()


_WRITERS: dict[str, Callable[[list[dict[str, Any]]], bytes]] = {
    ".csv": _csv,
    ".jsonl": _json_lines,
    ".parquet": _parquet,
}
"""What writes each form, by ending."""
