"""BigQuery as an output: rows wait in staging tables and enter each table by one MERGE on its key.

What waits is a share of a local run, or all that a cluster's batch run writes. Every step may be repeated. A
run that is killed between two tables leaves rows that no row of ``track_tags`` speaks for yet; the next run
works their tracks again and replaces them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta

from google.api_core.exceptions import Forbidden, NotFound
from google.cloud import bigquery

from tonearm.transforms.tables.bigquery.dataset import REQUEST_SECONDS, RETRY, Dataset
from tonearm.transforms.tables.bigquery.load import StagingWriter, staged_tables
from tonearm.transforms.tables.bigquery.merge import merge_statement
from tonearm.transforms.tables.bigquery.schema import fields_of, table_of, views_of
from tonearm.transforms.tables.bigquery.stream import StreamWriter
from tonearm.transforms.tables.contract import OutputError
from tonearm.transforms.tables.schemas import VISIBILITY_ORDER

BACKFILL_LIFETIME = timedelta(days=14)
"""A cluster's batch run is shorter: Dataflow ends one after ten days."""

BACKFILL_PARTS = 16
"""Enough for 24,000 batches a day."""


class BigQueryOutput:
    """The tables in a BigQuery dataset, which must exist: where its data may lie is not ours to say."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset

    @contextmanager
    def held(self) -> Iterator[None]:
        """See :class:`Output`; two runs at once may write, as commits replace by key.

        Raises:
            OutputError: The dataset is missing, closed to this account, or has tables of another shape.
        """
        try:
            self._create_tables()
        except NotFound as error:
            message = f"{self._dataset} does not exist; make it with `bq mk --location=… {self._dataset}`"
            raise OutputError(message) from error
        except Forbidden as error:
            raise OutputError(f"{self._dataset}: {error.message}") from error
        yield

    def staging_writer(self, commit_id: str) -> StagingWriter:
        """See :class:`Output`."""
        return StagingWriter(self._dataset, commit_id)

    def backfill_writer(self, run: str) -> StagingWriter:
        """See :class:`Output`."""
        return StagingWriter(self._dataset, run, BACKFILL_LIFETIME, BACKFILL_PARTS)

    def stream_writer(self) -> StreamWriter:
        """See :class:`Output`."""
        return StreamWriter(self._dataset)

    def commit(self, commit_id: str) -> None:
        """See :class:`Output`."""
        staged = self._staged(commit_id)
        for table in VISIBILITY_ORDER:
            if statement := merge_statement(self._dataset, table, staged):
                self._dataset.query(statement)
        self._drop(staged)

    def discard(self, commit_id: str) -> None:
        """See :class:`Output`."""
        self._drop(self._staged(commit_id))

    def _create_tables(self) -> None:
        client = self._dataset.client
        client.get_dataset(str(self._dataset), retry=RETRY, timeout=REQUEST_SECONDS)
        for name in VISIBILITY_ORDER:
            table = client.create_table(
                table_of(self._dataset, name), exists_ok=True, retry=RETRY, timeout=REQUEST_SECONDS
            )
            _check_columns(table, fields_of(name))
        for view in views_of(self._dataset):
            client.create_table(view, exists_ok=True, retry=RETRY, timeout=REQUEST_SECONDS)

    def _staged(self, commit_id: str) -> Mapping[str, Sequence[str]]:
        """The tables in which a share has staged rows, by the table that they are for."""
        tables = self._dataset.client.list_tables(str(self._dataset), retry=RETRY, timeout=REQUEST_SECONDS)
        return staged_tables((table.table_id for table in tables), commit_id)

    def _drop(self, staged: Mapping[str, Sequence[str]]) -> None:
        """Drop staging tables, first those that a later commit must not take without the others."""
        for table in reversed(VISIBILITY_ORDER):
            for name in staged.get(table, ()):
                self._dataset.client.delete_table(
                    self._dataset.table(name), not_found_ok=True, retry=RETRY, timeout=REQUEST_SECONDS
                )


def _check_columns(table: bigquery.Table, wanted: list[bigquery.SchemaField]) -> None:
    present = {(field.name, field.field_type, field.mode) for field in table.schema}
    for field in wanted:
        if (field.name, field.field_type, field.mode) not in present:
            raise OutputError(
                f"{table.full_table_id} has no column {field.name} {field.field_type} {field.mode}; "
                "it was made by something else: name another dataset or move the table away"
            )
