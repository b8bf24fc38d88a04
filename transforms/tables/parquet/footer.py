"""Rows told by a file's footer: where each row group has one row, its statistics are the row's values.

The files of spectrograms are so. Which tracks they hold is then known from some kilobytes of each file, where
the rows take megabytes, and in a store a request for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


def rows_told_by_footer(opened: pq.ParquetFile, columns: Sequence[str]) -> pa.RecordBatch | None:
    """The values of some columns in all rows of a file.

    Args:
        opened: The file.
        columns: Names of columns.

    Returns:
        The rows, with those of the columns that the file has; None if the footer does not tell them.
    """
    footer, schema = opened.metadata, opened.schema_arrow
    places = {footer.schema.column(place).path: place for place in range(footer.num_columns)}
    wanted = [name for name in columns if name in schema.names]
    if footer.num_row_groups != footer.num_rows or not all(name in places for name in wanted):
        return None
    rows = []
    for index in range(footer.num_row_groups):
        row_group = footer.row_group(index)
        told = {name: _only_value(row_group.column(places[name])) for name in wanted}
        if row_group.num_rows != 1 or None in told.values():
            return None
        rows.append(told)
    return pa.RecordBatch.from_pylist(rows, pa.schema([schema.field(name) for name in wanted]))


def _only_value(column: pq.ColumnChunkMetaData) -> Any:
    """The value of the one row; None if it is null or not told."""
    told = column.statistics
    return told.min if told is not None and told.has_min_max and told.min == told.max else None
