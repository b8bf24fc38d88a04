"""The table sink: settled tracks, gathered into batches, to a writer of tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import apache_beam as beam
from apache_beam.metrics import Metrics

from transforms.inference import Settled
from transforms.tables import PER_TRACK_TABLES, Provenance, Row, rows_of
from transforms.timing import NAMESPACE, StageTimes

TRACKS_PER_FILE = 1000
"""Rows of this many tracks go into one file."""


class TableWriter(Protocol):
    """Writes rows; pickled to where the graph runs."""

    def write(self, table: str, rows: Sequence[Row]) -> int:
        """Write rows of a table so that the same rows written again do not double; return bytes written."""


class WriteTables(beam.PTransform):
    """Settled tracks to ``track_tags``, ``segments``, ``embeddings`` and ``failures``.

    Tracks are gathered in the global window, where nothing is late. The reshuffle makes the batches
    durable before they are written: an engine that retries a bundle writes the same batch again.
    """

    def __init__(
        self,
        writer: TableWriter,
        provenance: Provenance,
        *,
        tracks_per_file: int = TRACKS_PER_FILE,
        max_wait_seconds: float | None = None,
    ) -> None:
        """Set up the sink.

        Args:
            writer: Where rows go.
            provenance: What all rows have in common.
            tracks_per_file: Tracks gathered before their rows are written.
            max_wait_seconds: How long a track of an unbounded input may wait for company.
        """
        super().__init__()
        self._writer = writer
        self._provenance = provenance
        self._tracks_per_file = tracks_per_file
        self._max_wait_seconds = max_wait_seconds

    def expand(self, settled: beam.PCollection[Settled]) -> beam.PCollection[int]:
        """Return the number of tracks in each batch, once it is written."""
        return (
            settled
            | "One shard" >> beam.Map(lambda element: (0, element))
            | "Gather" >> beam.GroupIntoBatches(self._tracks_per_file, self._max_wait_seconds)
            | "Make durable" >> beam.Reshuffle()
            | "Write" >> beam.ParDo(_WriteBatch(self._writer, self._provenance))
        )


class _WriteBatch(beam.DoFn):
    def __init__(self, writer: TableWriter, provenance: Provenance) -> None:
        self._writer = writer
        self._provenance = provenance

    def process(self, keyed_batch: tuple[int, Iterable[Settled]]) -> Iterator[int]:
        times = StageTimes()
        with times.measure("write"):
            batch = list(keyed_batch[1])
            tables = _rows_by_table(batch, self._provenance)
            for table in PER_TRACK_TABLES:
                if rows := tables[table]:
                    Metrics.counter(NAMESPACE, "bytes_written").inc(self._writer.write(table, rows))
                    Metrics.counter(NAMESPACE, f"rows_{table}").inc(len(rows))
        times.report()
        yield len(batch)


def _rows_by_table(batch: Iterable[Settled], provenance: Provenance) -> defaultdict[str, list[Row]]:
    tables: defaultdict[str, list[Row]] = defaultdict(list)
    for settled in batch:
        for table, rows in rows_of(settled, provenance).items():
            tables[table] += rows
    return tables
