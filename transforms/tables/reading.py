"""Reading the tables as an analyst does: the latest row of each track, and a track's segments."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

from tonearm.errors import WrongCallError
from tonearm.transforms.tables.contract import OutputError
from tonearm.transforms.tables.schemas import Row
from tonearm.transforms.tables.stored_rows import table_rows

_KEY = ["track_id", "generation", "tagger", "run_id"]
_OF_THE_FILE = ("codec", "input_kind")
_ROWS_LOOKED_AT = 1000
_LISTED = ["track_id", "generation", "tagger", "uri", "analyzed_at", "tags"]


def require_runs(output: str) -> None:
    """Refuse an output that no run has written to, such as one whose name is misspelt.

    Raises:
        OutputError: It holds no row of a run, or cannot be read.
    """
    if next(table_rows(output, "runs", ["run_id"]), None) is None:
        raise OutputError(f"{output} holds no tables of a run; `tonearm ingest` writes them")


def tagger_of(output: str, named: str | None) -> str:
    """The tagger whose rows are to be read: the one that is named, or that of the run that began last.

    Args:
        output: Where the tables lie; some run has written to them.
        named: ``name@version``, if one is named.

    Raises:
        OutputError: No run is of this tagger, nor had it as a canary.
    """
    columns = ["tagger", "settings", "started"]
    runs = sorted(table_rows(output, "runs", columns), key=lambda run: run["started"], reverse=True)
    canaries = (dict(run["settings"]).get("canary") for run in runs)
    taggers = list(dict.fromkeys(filter(None, (*(run["tagger"] for run in runs), *canaries))))
    if named is not None and named not in taggers:
        raise OutputError(f"{output} has no run of {named}; it has {', '.join(taggers)}")
    return named or taggers[0]


def latest_tracks(output: str) -> list[Row]:
    """The latest row of each track, by whichever tagger, with the columns of a listing, ordered by URI."""
    latest: dict[str, Row] = {}
    for row in table_rows(output, "track_tags", _LISTED):
        track_id = row["track_id"]
        if track_id not in latest or latest[track_id]["analyzed_at"] <= row["analyzed_at"]:
            latest[track_id] = row
    return sorted(latest.values(), key=lambda row: (row["uri"], row["track_id"]))


def find_track(output: str, wanted: str) -> Row | None:
    """The latest whole row of the track with this id or, failing that, with this text in its URI."""
    found: Row | None = None
    for row in table_rows(output, "track_tags", [*_KEY, "uri", "analyzed_at"]):
        if row["track_id"] != wanted and wanted not in row["uri"]:
            continue
        if found is None or _rank(row, wanted) >= _rank(found, wanted):
            found = row
    return None if found is None else next(table_rows(output, "track_tags", **_key_of(found)))


def segments_of(output: str, track: Row) -> list[Row]:
    """The segments that belong to a row of ``track_tags``, in order, each once."""
    rows = table_rows(output, "segments", **_key_of(track))
    by_index = {row["segment_index"]: row for row in rows}
    return [by_index[index] for index in sorted(by_index)]


def column_value(row: Row, column: str) -> str:
    """What a row of ``track_tags`` says in a column by which tracks may be told apart.

    Args:
        row: The row, with ``codec``, ``input_kind`` and ``metadata``.
        column: One of the first two, or a column of the manifest's own; empty text where a track has none.
    """
    if column in _OF_THE_FILE:
        return str(row[column])
    return dict(row["metadata"] or ()).get(column) or ""


def require_told_apart(output: str, column: str, values: Iterable[str]) -> None:
    """Refuse a column that says nothing of any row, such as one whose name is misspelt.

    Args:
        output: Where the tables lie.
        column: See :func:`column_value`; empty if rows are not told apart by one.
        values: What the rows that were read have in it; where there are no rows, nothing is refused.

    Raises:
        WrongCallError: All of them are empty. It names the columns of some rows.
    """
    told = set(values)
    if not column or told != {""}:
        return
    rows = islice(table_rows(output, "track_tags", ["metadata"]), _ROWS_LOOKED_AT)
    own = sorted({name for row in rows for name in dict(row["metadata"] or ())})
    there = ", ".join([*_OF_THE_FILE, *own])
    raise WrongCallError(f"--by {column}: no track has anything in this column; there are {there}")


def _key_of(track: Row) -> dict[str, str]:
    return {name: track[name] for name in _KEY}


def _rank(row: Row, wanted: str) -> tuple[bool, Any]:
    return row["track_id"] == wanted, row["analyzed_at"]
