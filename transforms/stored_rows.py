"""Rows of the tables, wherever they are stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from transforms.parquet import read_batches
from transforms.tables import Row

BIGQUERY = "bigquery://"


class OutputError(Exception):
    """An output cannot be used as it is; the message says what to mend."""


def table_rows(output: str, table: str, columns: Sequence[str] | None = None, **where: str) -> Iterator[Row]:
    """Rows of a table, in bounded pieces; none if the table does not exist yet.

    Args:
        output: Folder, URL or ``bigquery://project.dataset``.
        table: Name of the table.
        columns: The columns to read; None for all.
        where: Values that columns must have.

    Raises:
        OutputError: The output is misspelt, or closed to this account.
    """
    if output.startswith(BIGQUERY):
        from transforms.bigquery_client import Dataset
        from transforms.bigquery_read import dataset_rows

        return dataset_rows(Dataset.at(output), table, columns, where)
    return _parquet_rows(output, table, columns, where)


def _parquet_rows(
    output: str, table: str, columns: Sequence[str] | None, where: dict[str, str]
) -> Iterator[Row]:
    read = None if columns is None else list(dict.fromkeys([*columns, *where]))
    for batch in read_batches(output, table, read):
        for row in batch.to_pylist():
            if where.items() <= row.items():
                yield row
