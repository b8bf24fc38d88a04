"""Manifests: the catalog's own list of tracks, as CSV, JSON Lines or Parquet."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from apache_beam.io.filesystems import FileSystems

from tonearm.errors import WrongCallError

Row = Mapping[str, Any]

REQUIRED_COLUMNS = ("track_id", "uri")


class ManifestError(WrongCallError):
    """The manifest as a whole cannot be used; the message says what to mend."""


def is_manifest(location: str) -> bool:
    """True if the ending says that this is a manifest and not a track."""
    return Path(location).suffix.lower() in _READERS


def read_manifest(location: str) -> Iterator[Row]:
    """Rows of a manifest, one at a time, in the file's order.

    Args:
        location: A ``.csv`` (UTF-8, header line), ``.jsonl`` or ``.parquet`` file on any Beam filesystem.

    Yields:
        Column to value. A line of JSON that is no object comes as an empty row, so that it is
        counted as an invalid row and not dropped.

    Raises:
        ManifestError: The file is missing, of the wrong kind, or lacks a required column.
    """
    reader = _READERS[Path(location).suffix.lower()]
    try:
        yield from reader(location)
    except FileNotFoundError:
        raise ManifestError(f"{location}: no such manifest") from None
    except (OSError, UnicodeDecodeError, csv.Error, ValueError) as error:
        raise ManifestError(f"{location}: cannot be read as a manifest: {error}") from error


def _read_csv(location: str) -> Iterator[Row]:
    with FileSystems.open(location) as file:
        text = (line.decode("utf-8-sig" if number == 0 else "utf-8") for number, line in enumerate(file))
        reader = csv.DictReader(text, restkey="_extra", strict=True)
        _require_columns(location, reader.fieldnames or ())
        yield from reader


def _read_jsonl(location: str) -> Iterator[Row]:
    with FileSystems.open(location) as file:
        for number, line in enumerate(file):
            if not line.strip():
                continue
            row = _json_object(line)
            if number == 0:
                _require_columns(location, row)
            yield row


def _json_object(line: bytes) -> Row:
    try:
        row = json.loads(line)
    except ValueError:
        return {}
    return row if isinstance(row, dict) else {}


def _read_parquet(location: str) -> Iterator[Row]:
    with FileSystems.open(location) as file:
        parquet = pq.ParquetFile(file)
        _require_columns(location, parquet.schema_arrow.names)
        for batch in parquet.iter_batches(batch_size=1000):
            yield from batch.to_pylist()


def _require_columns(location: str, columns: Any) -> None:
    missing = [name for name in REQUIRED_COLUMNS if name not in columns]
    if missing:
        raise ManifestError(
            f"{location}: lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}; "
            f"found: {', '.join(map(str, columns)) or 'none'}"
        )


_READERS: dict[str, Callable[[str], Iterator[Row]]] = {
    ".csv": _read_csv,
    ".jsonl": _read_jsonl,
    ".parquet": _read_parquet,
}
