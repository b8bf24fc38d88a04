"""Rows of the tables, wherever they are stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from tonearm.transforms.tables.kinds import kind_of
from tonearm.transforms.tables.schemas import Row


def table_rows(output: str, table: str, columns: Sequence[str] | None = None, **where: str) -> Iterator[Row]:
    """Rows of a table, in bounded pieces; none if the table does not exist yet.

    Args:
        output: Location of an output, of any kind.
        table: Name of the table.
        columns: The columns to read; None for all.
        where: Values that columns must have.

    Raises:
        OutputError: The output is misspelt, or closed to this account.
    """
    return kind_of(output).rows(output, table, columns, where, None)


def table_rows_since(
    since: date, output: str, table: str, columns: Sequence[str] | None = None, **where: str
) -> Iterator[Row]:
    """As :func:`table_rows`, from a day of ingestion on: older partitions are not opened.

    Args:
        since: The first day.
        output: Location of an output, of any kind.
        table: Name of the table.
        columns: The columns to read; None for all.
        where: Values that columns must have.

    Raises:
        OutputError: The output is misspelt, or closed to this account.
    """
    return kind_of(output).rows(output, table, columns, where, since)
