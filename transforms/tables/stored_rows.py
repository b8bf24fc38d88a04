"""Rows of the tables, wherever they are stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tonearm.transforms.tables.contract import BIGQUERY
from tonearm.transforms.tables.parquet.files import read_batches
from tonearm.transforms.tables.schemas import Row


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
        from tonearm.transforms.tables.bigquery.dataset import Dataset
        from tonearm.transforms.tables.bigquery.read import dataset_rows

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
