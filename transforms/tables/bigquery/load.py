"""Load jobs: rows of a share into staging tables, from where one statement per table commits them."""

from __future__ import annotations

import io
import re
import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
from google.api_core.exceptions import BadRequest
from google.cloud import bigquery

from tonearm.transforms.tables.bigquery.dataset import REQUEST_SECONDS, RETRY, Dataset, is_busy, patiently
from tonearm.transforms.tables.bigquery.schema import fields_of
from tonearm.transforms.tables.bigquery.typed_rows import check_size, typed
from tonearm.transforms.tables.refusal import BatchRefusedError, RowsRefusedError, send_bisecting
from tonearm.transforms.tables.schemas import SCHEMAS, Row

STAGING_PREFIX = "staging_"

SHARE_LIFETIME = timedelta(hours=6)
"""No share is that long between its first load and its commit; BigQuery deletes what a killed run staged."""

MAX_ROW_BYTES = 100_000_000
"""Limit of a row in a load job."""


@dataclass(frozen=True, slots=True)
class StagingWriter:
    """Writes rows to the staging tables of one share; small enough to be pickled to where the graph runs.

    Attributes:
        dataset: Where the tables are.
        commit_id: The share; it names the staging tables.
        lifetime: When BigQuery deletes them, if nothing else does before.
        parts: Staging tables that file batches are spread over; BigQuery takes 1,500 loads per day into one.
        max_row_bytes: Larger rows are refused.
    """

    dataset: Dataset
    commit_id: str
    lifetime: timedelta = SHARE_LIFETIME
    parts: int = 1
    max_row_bytes: int = MAX_ROW_BYTES

    def write(self, table: str, rows: Sequence[Row]) -> int:
        """Load rows; rows that are loaded twice are one after the commit.

        Returns:
            Bytes loaded.

        Raises:
            RowsRefusedError: Some rows were refused; the others are loaded.
        """
        sizes: list[int] = []
        staging = self._staging_table(table, rows)

        def load(part: Sequence[Row]) -> None:
            columns = typed(table, part)
            check_size(columns.nbytes, self.max_row_bytes)
            sizes.append(self._load(staging, columns))

        self._create(staging, table)
        if refusals := send_bisecting(rows, load):
            raise RowsRefusedError(table, refusals)
        return sum(sizes)

    def _staging_table(self, table: str, rows: Sequence[Row]) -> str:
        """One of the parts, always the same one for the same file batch."""
        name = self.dataset.table(_staging_name(self.commit_id, table))
        if self.parts == 1:
            return name
        part = zlib.crc32(repr(rows[0].get("track_id")).encode()) % self.parts
        return f"{name}_{part:02d}"

    def _create(self, staging: str, table: str) -> None:
        resource = bigquery.Table(staging, fields_of(table))
        resource.expires = datetime.now(UTC) + self.lifetime
        self.dataset.client.create_table(resource, exists_ok=True, retry=RETRY, timeout=REQUEST_SECONDS)

    def _load(self, staging: str, columns: pa.Table) -> int:
        file = io.BytesIO()
        pq.write_table(columns, file, compression="zstd")
        patiently(lambda: RETRY(self._run_job)(staging, file))
        return file.getbuffer().nbytes

    def _run_job(self, staging: str, file: io.BytesIO) -> None:
        # Without a size the upload is resumable: a broken connection costs a piece, not the file.
        job = self.dataset.client.load_table_from_file(
            file, staging, rewind=True, job_config=_job_config(), timeout=REQUEST_SECONDS
        )
        try:
            job.result(retry=RETRY)
        except BadRequest as error:  # of the job: the request itself was well formed
            if is_busy(error):
                raise
            raise BatchRefusedError(error.message) from error


def staged_tables(names: Iterable[str], commit_id: str) -> Mapping[str, Sequence[str]]:
    """The staging tables of a share among a dataset's tables, by the table that their rows are for."""
    staged: defaultdict[str, list[str]] = defaultdict(list)
    for name in sorted(names):
        for table in SCHEMAS:
            if re.fullmatch(rf"{re.escape(_staging_name(commit_id, table))}(_\d\d)?", name):
                staged[table].append(name)
    return staged


def _staging_name(commit_id: str, table: str) -> str:
    return f"{STAGING_PREFIX}{commit_id.replace('-', '_')}_{table}"


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
