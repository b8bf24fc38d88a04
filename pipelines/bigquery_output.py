"""BigQuery as an output: a wave waits in staging tables and enters each table by one MERGE on its key.

Every step may be repeated. A run that is killed between two tables leaves rows that no row of
``track_tags`` speaks for yet; the next run works their tracks again and replaces them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from google.api_core.exceptions import Forbidden, NotFound
from google.cloud import bigquery

from pipelines.bigquery_merge import merge_statement
from transforms.bigquery_client import REQUEST_SECONDS, RETRY, Dataset
from transforms.bigquery_load import STAGING_PREFIX, StagingWriter, staging_table
from transforms.bigquery_schema import fields_of, table_of, views_of
from transforms.bigquery_stream import StreamWriter
from transforms.stored_rows import OutputError
from transforms.tables import VISIBILITY_ORDER

STALE_AFTER = timedelta(hours=6)
"""No run is that long between staging a wave and committing it, so older staging tables are a killed run's.

Younger ones may belong to a run on another machine."""


class BigQueryOutput:
    """The tables in a BigQuery dataset, which must exist: where its data may lie is not ours to say."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset

    @contextmanager
    def opened(self) -> Iterator[None]:
        """See :class:`pipelines.outputs.Output`; two runs at once may write, as commits replace by key.

        Raises:
            OutputError: The dataset is missing, closed to this account, or has tables of another shape.
        """
        try:
            self._create_tables()
            self._drop_stale_staging()
        except NotFound as error:
            message = f"{self._dataset} does not exist; make it with `bq mk --location=… {self._dataset}`"
            raise OutputError(message) from error
        except Forbidden as error:
            raise OutputError(f"{self._dataset}: {error.message}") from error
        yield

    def staging_writer(self, wave: str) -> StagingWriter:
        """See :class:`pipelines.outputs.Output`."""
        return StagingWriter(self._dataset, wave)

    def direct_writer(self) -> StreamWriter:
        """See :class:`pipelines.outputs.Output`."""
        return StreamWriter(self._dataset)

    def commit(self, wave: str) -> None:
        """See :class:`pipelines.outputs.Output`."""
        staged = self._staged(wave)
        for table in VISIBILITY_ORDER:
            if statement := merge_statement(self._dataset, wave, table, staged):
                self._dataset.query(statement)
        self._drop(wave, staged)

    def discard(self, wave: str) -> None:
        """See :class:`pipelines.outputs.Output`."""
        self._drop(wave, self._staged(wave))

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

    def _drop_stale_staging(self) -> None:
        latest = datetime.now(UTC) - STALE_AFTER
        for item in self._tables():
            if item.table_id.startswith(STAGING_PREFIX) and item.created < latest:
                self._dataset.client.delete_table(item, not_found_ok=True, retry=RETRY)

    def _staged(self, wave: str) -> list[str]:
        """The tables of which a wave has staged rows."""
        present = {self._dataset.table(item.table_id) for item in self._tables()}
        return [table for table in VISIBILITY_ORDER if staging_table(self._dataset, wave, table) in present]

    def _tables(self) -> Iterator[bigquery.table.TableListItem]:
        return self._dataset.client.list_tables(str(self._dataset), retry=RETRY, timeout=REQUEST_SECONDS)

    def _drop(self, wave: str, tables: list[str]) -> None:
        """Drop staging tables, first those that a later commit must not take without the others."""
        for table in reversed(tables):
            name = staging_table(self._dataset, wave, table)
            self._dataset.client.delete_table(name, not_found_ok=True, retry=RETRY, timeout=REQUEST_SECONDS)


def _check_columns(table: bigquery.Table, wanted: list[bigquery.SchemaField]) -> None:
    present = {(field.name, field.field_type, field.mode) for field in table.schema}
    for field in wanted:
        if (field.name, field.field_type, field.mode) not in present:
            raise OutputError(
                f"{table.full_table_id} has no column {field.name} {field.field_type} {field.mode}; "
                "it was made by something else: name another dataset or move the table away"
            )
