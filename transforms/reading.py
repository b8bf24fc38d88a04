"""Reading the tables as an analyst does: the latest row of each track, and a track's segments."""

from __future__ import annotations

from typing import Any

from transforms.parquet import read_batches
from transforms.tables import Row

_LISTED = ["track_id", "generation", "tagger", "uri", "analyzed_at", "tags"]


def latest_tracks(output: str) -> list[Row]:
    """The latest row of each track and tagger, with the columns of a listing, ordered by URI."""
    latest: dict[tuple[str, str], Row] = {}
    for row in _rows(output, "track_tags", _LISTED):
        key = row["track_id"], row["tagger"]
        if key not in latest or latest[key]["analyzed_at"] <= row["analyzed_at"]:
            latest[key] = row
    return sorted(latest.values(), key=lambda row: (row["uri"], row["tagger"]))


def find_track(output: str, wanted: str) -> Row | None:
    """The latest whole row of the track with this id or, failing that, with this text in its URI."""
    found: Row | None = None
    for row in _rows(output, "track_tags", None):
        if row["track_id"] != wanted and wanted not in row["uri"]:
            continue
        if found is None or _rank(row, wanted) >= _rank(found, wanted):
            found = row
    return found


def segments_of(output: str, track: Row) -> list[Row]:
    """The segments that belong to a row of ``track_tags``, in order."""
    key = {name: track[name] for name in ("track_id", "generation", "tagger", "run_id")}
    rows = [row for row in _rows(output, "segments", None) if key.items() <= row.items()]
    return sorted(rows, key=lambda row: row["segment_index"])


def _rank(row: Row, wanted: str) -> tuple[bool, Any]:
    return row["track_id"] == wanted, row["analyzed_at"]


def _rows(output: str, table: str, columns: list[str] | None) -> list[Row]:
    return [row for batch in read_batches(output, table, columns) for row in batch.to_pylist()]
