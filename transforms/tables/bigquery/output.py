"""BigQuery as an output: rows wait in staging tables and enter each table by one MERGE on its key.

What waits is a share of a local run, or all that a cluster's batch run writes. Every step may be repeated. A
run that is killed between two tables leaves rows that no row of ``track_tags`` speaks for yet; the next run
works their tracks again and replaces them. Two runs that tag one track at once could leave segments of the
one with a row of the other: so a dataset is held by one run at a time, as a folder is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta

from google.api_core.exceptions import Forbidden, NotFound

from tonearm.transforms.tables.bigquery.dataset import REQUEST_SECONDS, RETRY, Dataset, patiently
from tonearm.transforms.tables.bigquery.load import StagingWriter, staged_tables
from tonearm.transforms.tables.bigquery.merge import merge_statement
from tonearm.transforms.tables.bigquery.migration import bring_up_to_date
from tonearm.transforms.tables.bigquery.note_table import NoteTable
from tonearm.transforms.tables.bigquery.stream import StreamWriter
from tonearm.transforms.tables.contract import OutputError, RowCounts, SeveralWriters, require_staged
from tonearm.transforms.tables.schemas import VISIBILITY_ORDER, Row

BACKFILL_LIFETIME = timedelta(days=14)
"""A cluster's batch run is shorter: Dataflow ends one after ten days."""

BACKFILL_PARTS = 16
"""Staging tables per table: enough for 24,000 file batches per day."""


class BigQueryOutput:
    """The tables in a BigQuery dataset, which must exist: where its data may lie is not ours to say."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset

    def prepare(self) -> None:
        """See :class:`Output`."""
        try:
            patiently(lambda: bring_up_to_date(self._dataset))
        except NotFound as error:
            message = f"{self._dataset} does not exist; make it with `bq mk --location=… {self._dataset}`"
            raise OutputError(message) from error
        except Forbidden as error:
            raise OutputError(f"{self._dataset}: {error.message}") from error

    def boards(self) -> Sequence[NoteTable]:
        """See :class:`Output`."""
        return (NoteTable(self._dataset),)

    def guarded(self) -> AbstractContextManager[None]:
        """See :class:`Output`; runs of earlier versions could write side by side."""
        return nullcontext()

    def recover(self, ended: Sequence[str]) -> None:
        """See :class:`Output`; what a killed run had staged BigQuery deletes by itself."""

    def staging_writer(self, commit_id: str) -> StagingWriter:
        """See :class:`Output`."""
        return StagingWriter(self._dataset, commit_id)

    def backfill_writer(self, run_id: str) -> SeveralWriters:
        """See :class:`Output`; what waits when the hold is lost BigQuery deletes by itself."""
        return SeveralWriters((StagingWriter(self._dataset, run_id, BACKFILL_LIFETIME, BACKFILL_PARTS),))

    def backfill_journal(
        self, run_id: str, shard: int, require_hold: Callable[[], None], *, waits: bool = False
    ) -> None:
        """See :class:`Output`; a commit makes one row of those with one key."""

    def stream_writer(self) -> SeveralWriters:
        """See :class:`Output`."""
        return SeveralWriters((StreamWriter(self._dataset),))

    def journal(self, line: str, shard: int) -> None:
        """See :class:`Output`; the views show the latest row of each key."""

    def commit(self, commit_id: str, rows: RowCounts) -> None:
        """See :class:`Output`."""
        staged = self._staged(commit_id)
        if rows:
            require_staged(commit_id, self._rows_in(staged), rows)
        for table in VISIBILITY_ORDER:
            if statement := merge_statement(self._dataset, table, staged):
                self._dataset.query(statement)
        self._drop(staged)

    def finish_backfill(self, run_id: str, rows: RowCounts, *, waits: bool = False) -> None:
        """See :class:`Output`."""
        self.commit(run_id, rows)

    def write_run(self, row: Row) -> None:
        """See :class:`Output`."""
        commit_id = f"{row['run_id']}-row"
        self.staging_writer(commit_id).write("runs", [row])
        self.commit(commit_id, {"runs": 1})

    def discard(self, commit_id: str) -> None:
        """See :class:`Output`."""
        self._drop(self._staged(commit_id))

    def _rows_in(self, staged: Mapping[str, Sequence[str]]) -> RowCounts:
        """How many rows wait for each table, as BigQuery keeps count of what was loaded."""
        return {
            table: sum(
                self._dataset.client.get_table(
                    self._dataset.table(name), retry=RETRY, timeout=REQUEST_SECONDS
                ).num_rows
                for name in names
            )
            for table, names in staged.items()
        }

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
