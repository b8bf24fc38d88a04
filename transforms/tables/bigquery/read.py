"""Reading the tables from BigQuery: only the columns and rows that are asked for, as they are billed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from google.api_core.exceptions import Forbidden, NotFound
from google.cloud import bigquery

from tonearm.transforms.tables.bigquery.dataset import Dataset
from tonearm.transforms.tables.bigquery.schema import ANY_DAY, map_columns
from tonearm.transforms.tables.contract import OutputError
from tonearm.transforms.tables.schemas import SCHEMAS, Row


def dataset_rows(
    dataset: Dataset, table: str, columns: Sequence[str] | None, where: Mapping[str, str]
) -> Iterator[Row]:
    """Rows of a table, as they were written; none if the table does not exist yet.

    Args:
        dataset: Where the table is.
        table: Name of the table.
        columns: The columns to read; None for all.
        where: Values that columns must have.

    Raises:
        OutputError: The dataset is closed to this account.
    """
    selected = ", ".join(columns or SCHEMAS[table].names)
    condition = " AND ".join([ANY_DAY, *(f"{name} = @{name}" for name in where)])
    parameters = [bigquery.ScalarQueryParameter(name, "STRING", value) for name, value in where.items()]
    try:
        found = dataset.query(f"SELECT {selected} FROM {dataset.quoted(table)} WHERE {condition}", parameters)
    except NotFound:
        return
    except Forbidden as error:
        raise OutputError(f"{dataset}: {error.message}") from error
    maps = map_columns(table)
    for row in found:
        yield {name: _pairs(value) if name in maps else value for name, value in row.items()}


def _pairs(records: list[Row]) -> list[tuple[str, str]]:
    """A map as Parquet gives it."""
    return [(record["key"], record["value"]) for record in records]
