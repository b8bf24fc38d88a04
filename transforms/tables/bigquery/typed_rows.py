"""Rows for BigQuery: typed and measured here, so that most of what it would refuse never travels."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from tonearm.transforms.tables.bigquery.schema import load_schema
from tonearm.transforms.tables.refusal import BatchRefusedError
from tonearm.transforms.tables.schemas import SCHEMAS, Row

_UNFIT = (pa.ArrowException, ValueError, TypeError, OverflowError)


def typed(table: str, rows: Sequence[Row]) -> pa.Table:
    """Rows as columns of the table's types, with maps as lists of key and value.

    Raises:
        BatchRefusedError: A value does not fit its column: of another type, out of range, no UTF-8, or
            missing where one is required.
    """
    try:
        return pa.Table.from_pylist(list(rows), schema=SCHEMAS[table]).cast(load_schema(table))
    except _UNFIT as error:
        raise BatchRefusedError(f"a value does not fit its column: {error}") from error


def check_size(size: int, limit: int) -> None:
    """Refuse what is larger than BigQuery takes at once; of a batch, halves may pass.

    Raises:
        BatchRefusedError: It is too large.
    """
    if size > limit:
        raise BatchRefusedError(f"{size:,} bytes are more than the {limit:,} that BigQuery takes")
