"""Whether two outputs hold the same: the same tracks and rows, scores but for rounding, the same counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from tonearm.transforms.tables.schemas import KEYS, PER_TRACK_TABLES, Row
from tonearm.transforms.tables.stored_rows import table_rows

TOLERANCE = 1e-6
"""How far two scores may be apart: workers may sum patches of other batches together."""

_OF_THE_RUN = frozenset({"run_id", "analyzed_at", "occurred_at", "ingest_date"})
"""Columns that tell two runs apart."""

_COUNTS = ("n_seen", "n_tagged", "n_skipped", "n_failed")


def differences(one: str, other: str) -> list[str]:
    """What is different between the tables of two outputs, in words; nothing if they are equal.

    Args:
        one: Location of an output that one run wrote.
        other: Location of the other.
    """
    found = [text for table in PER_TRACK_TABLES for text in _in_table(table, one, other)]
    counts, others = (_counts(output) for output in (one, other))
    if counts != others:
        found.append(f"runs: counts {counts} and {others}")
    return found


def row_counts(output: str) -> dict[str, int]:
    """How many rows each table has."""
    return {table: sum(1 for _ in table_rows(output, table, ("track_id",))) for table in PER_TRACK_TABLES}


def _counts(output: str) -> list[dict[str, int]]:
    return [{name: row[name] for name in _COUNTS} for row in table_rows(output, "runs")]


def _in_table(table: str, one: str, other: str) -> Iterator[str]:
    ours, theirs = (_by_key(table, output) for output in (one, other))
    if ours.keys() != theirs.keys():
        yield f"{table}: {len(ours.keys() - theirs.keys())} keys are only in {one}"
        yield f"{table}: {len(theirs.keys() - ours.keys())} keys are only in {other}"
    for output, rows in ((one, ours), (other, theirs)):
        if doubled := sum(len(each) > 1 for each in rows.values()):
            yield f"{table}: {doubled} keys are more than once in {output}"
    differing = Counter(
        column
        for key in ours.keys() & theirs.keys()
        for column, value in ours[key][0].items()
        if column not in _OF_THE_RUN and not _equal(value, theirs[key][0][column])
    )
    yield from (f"{table}: {column} differs in {count} rows" for column, count in differing.items())


def _by_key(table: str, output: str) -> dict[tuple[Any, ...], list[Row]]:
    rows: dict[tuple[Any, ...], list[Row]] = {}
    for row in table_rows(output, table):
        rows.setdefault(tuple(row[column] for column in KEYS[table]), []).append(row)
    return rows


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= TOLERANCE
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_equal, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[name], other[name]) for name in one)
    return bool(one == other)
