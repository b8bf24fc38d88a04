"""Streaming inserts: rows of a stream on a cluster, visible within seconds.

BigQuery drops a row that comes again with its insert id within a minute or so. What comes again later, such
as a bundle of elements that a cluster tries again after an outage, is one row in the views of latest rows.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from google.api_core.exceptions import BadRequest

from tonearm.transforms.tables.bigquery.dataset import REQUEST_SECONDS, RETRY, Dataset, patiently
from tonearm.transforms.tables.bigquery.typed_rows import check_size, typed
from tonearm.transforms.tables.refusal import BatchRefusedError, Refusal, RowsRefusedError, send_bisecting
from tonearm.transforms.tables.rows import name_of_row
from tonearm.transforms.tables.schemas import Row

MAX_REQUEST_BYTES = 9_500_000
"""BigQuery takes 10 MB per request; the rest is for insert ids and braces."""

ROWS_PER_REQUEST = 500


class InsertError(Exception):
    """BigQuery did not take rows for a reason of its own; a cluster tries the same rows again."""


@dataclass(frozen=True, slots=True)
class StreamWriter:
    """Inserts rows straight into the tables, which must exist.

    Attributes:
        dataset: Where the tables are.
    """

    dataset: Dataset

    def write(self, table: str, rows: Sequence[Row]) -> int:
        """Insert rows; the same rows again carry the same insert ids.

        Returns:
            Bytes sent.

        Raises:
            RowsRefusedError: Some rows were refused; the others are inserted.
            InsertError: BigQuery could not take them now.
        """
        sizes: list[int] = []
        refusals: list[Refusal] = []

        def insert(part: Sequence[Row]) -> None:
            content = _json_rows(table, part)
            size = len(json.dumps(content))
            check_size(size, MAX_REQUEST_BYTES)
            refusals.extend(self._insert(table, part, content))
            sizes.append(size)

        for start in range(0, len(rows), ROWS_PER_REQUEST):
            refusals += send_bisecting(rows[start : start + ROWS_PER_REQUEST], insert)
        if refusals:
            raise RowsRefusedError(table, refusals)
        return sum(sizes)

    def _insert(self, table: str, rows: Sequence[Row], content: list[dict[str, Any]]) -> list[Refusal]:
        names = [name_of_row(table, row) for row in rows]

        def insert() -> Sequence[Any]:
            return self.dataset.client.insert_rows_json(
                self.dataset.table(table),
                content,
                row_ids=names,
                skip_invalid_rows=True,
                retry=RETRY,
                timeout=REQUEST_SECONDS,
            )

        try:
            errors = patiently(insert)
        except BadRequest as error:
            raise BatchRefusedError(error.message) from error
        return [Refusal(rows[error["index"]], _reason(error["errors"][0])) for error in errors]


def _json_rows(table: str, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Rows as the load of the same rows would store them, down to the rounding of scores."""
    return [
        {name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()}
        for row in typed(table, rows).to_pylist()
    ]


def _reason(error: dict[str, str]) -> str:
    if error["reason"] != "invalid":
        raise InsertError(f"{error['reason']}: {error['message']}")
    return error["message"] or error["reason"]
