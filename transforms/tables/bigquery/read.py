"""Reading the tables from BigQuery: only the columns and rows that are asked for, as they are billed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from google.api_core.exceptions import Forbidden, NotFound
from google.cloud import bigquery

from tonearm.transforms.tables.bigquery.dataset import REQUEST_SECONDS, RETRY, Dataset
from tonearm.transforms.tables.bigquery.schema import ANY_DAY, map_columns
from tonearm.transforms.tables.contract import OutputError
from tonearm.transforms.tables.schemas import PARTITION, SCHEMAS, Row


def dataset_rows(
    dataset: Dataset,
    table: str,
    columns: Sequence[str] | None,
    where: Mapping[str, str],
    since: date | None,
) -> Iterator[Row]:
    """Rows of a table, as they were written; none if the table does not exist yet.

    Args:
        dataset: Where the table is.
        table: Name of the table.
        columns: The columns to read; None for all.
        where: Values that columns must have.
        since: The first day of ingestion; None for all.

    Raises:
        OutputError: The dataset is closed to this account.
    """
    wanted = list(columns or SCHEMAS[table].names)
    days = f"{PARTITION} >= DATE '{since.isoformat()}'" if since else ANY_DAY
    condition = " AND ".join([days, *(f"{name} = @{name}" for name in where)])
    parameters = [bigquery.ScalarQueryParameter(name, "STRING", value) for name, value in where.items()]
    try:
        selected = ", ".join(_present(dataset, table, wanted))
        found = dataset.query(f"SELECT {selected} FROM {dataset.quoted(table)} WHERE {condition}", parameters)
    except NotFound:
        return
    except Forbidden as error:
        raise OutputError(f"{dataset}: {error.message}") from error
    maps = map_columns(table)
    for row in found:
        values = dict.fromkeys(wanted) | dict(row.items())
        yield {name: _pairs(value) if name in maps else value for name, value in values.items()}


def _present(dataset: Dataset, table: str, wanted: Sequence[str]) -> list[str]:
    """Columns that the table has: one of an earlier version lacks some until a run writes to it."""
    resource = dataset.client.get_table(dataset.table(table), retry=RETRY, timeout=REQUEST_SECONDS)
    there = {field.name for field in resource.schema}
    return [name for name in wanted if name in there]


def _pairs(records: list[Row] | None) -> list[tuple[str, str]]:
    """A map as Parquet gives it."""
    return [(record["key"], record["value"]) for record in records or ()]
