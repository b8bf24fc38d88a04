"""Load jobs: rows of a wave into staging tables, from where one statement a table commits them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
from google.api_core.exceptions import BadRequest
from google.cloud import bigquery

from transforms.bigquery_client import REQUEST_SECONDS, RETRY, Dataset
from transforms.bigquery_rows import check_size, typed
from transforms.bigquery_schema import fields_of
from transforms.refusal import BatchRefusedError, RowsRefusedError, send_bisecting
from transforms.tables import Row

STAGING_PREFIX = "staging_"

STAGING_LIFETIME = timedelta(days=1)
"""BigQuery deletes the staging tables of a killed run after so long, if no other run does before."""

MAX_ROW_BYTES = 100_000_000
"""Limit of a row in a load job."""


@dataclass(frozen=True, slots=True)
class StagingWriter:
    """Writes rows to the staging tables of one wave; small enough to be pickled to where the graph runs.

    Attributes:
        dataset: Where the tables are.
        wave: The wave; it names the staging tables.
        max_row_bytes: Larger rows are refused.
    """

    dataset: Dataset
    wave: str
    max_row_bytes: int = MAX_ROW_BYTES

    def write(self, table: str, rows: Sequence[Row]) -> int:
        """Load rows; rows that are loaded twice are one after the commit.

        Returns:
            Bytes loaded.

        Raises:
            RowsRefusedError: Some rows were refused; the others are loaded.
        """
        sizes: list[int] = []

        def load(part: Sequence[Row]) -> None:
            columns = typed(table, part)
            check_size(columns.nbytes, self.max_row_bytes)
            sizes.append(self._load(table, columns))

        self._create(table)
        if refusals := send_bisecting(rows, load):
            raise RowsRefusedError(table, refusals)
        return sum(sizes)

    def _create(self, table: str) -> None:
        staging = bigquery.Table(staging_table(self.dataset, self.wave, table), fields_of(table))
        staging.expires = datetime.now(UTC) + STAGING_LIFETIME
        self.dataset.client.create_table(staging, exists_ok=True, retry=RETRY, timeout=REQUEST_SECONDS)

    def _load(self, table: str, columns: pa.Table) -> int:
        file = io.BytesIO()
        pq.write_table(columns, file, compression="zstd")
        RETRY(self._run_job)(table, file)
        return file.getbuffer().nbytes

    def _run_job(self, table: str, file: io.BytesIO) -> None:
        # Without a size the upload is resumable: a broken connection costs a piece, not the file.
        job = self.dataset.client.load_table_from_file(
            file,
            staging_table(self.dataset, self.wave, table),
            rewind=True,
            job_config=_job_config(),
            timeout=REQUEST_SECONDS,
        )
        try:
            job.result(retry=RETRY)
        except BadRequest as error:  # of the job: the request itself was well formed
            raise BatchRefusedError(error.message) from error


def staging_table(dataset: Dataset, wave: str, table: str) -> str:
    """Full name of the table where a wave's rows wait for their commit."""
    return dataset.table(f"{STAGING_PREFIX}{wave.replace('-', '_')}_{table}")


def _job_config() -> bigquery.LoadJobConfig:
    config = bigquery.LoadJobConfig(
        source_format=bigquery.SourceFormat.PARQUET,
        create_disposition=bigquery.CreateDisposition.CREATE_NEVER,
        write_disposition=bigquery.WriteDisposition.WRITE_APPEND,
    )
    config.parquet_options = bigquery.ParquetOptions()
    # Without it BigQuery expects a record "list" of records "element" in place of an array.
    config.parquet_options.enable_list_inference = True
    return config
