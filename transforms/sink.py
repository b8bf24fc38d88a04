"""The table sink: settled tracks, gathered into batches, to writers of tables.

A track one of whose rows is refused is written as a failure, with none of its rows left where readers look.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

import apache_beam as beam
from apache_beam.metrics import Metrics

from transforms.count import FAILED_AS
from transforms.failure import ErrorWord, Failure, Stage, TrackError
from transforms.inference import Settled
from transforms.refusal import RowsRefusedError
from transforms.tables import PER_TRACK_TABLES, Provenance, Row, readable, rows_of
from transforms.timing import NAMESPACE, StageTimes

TRACKS_PER_FILE = 1000
"""Rows of this many tracks go into one file."""

_TrackKey = tuple[str, str]
"""``track_id`` and ``generation``; all rows of a run have one tagger."""


class TableWriter(Protocol):
    """Writes rows; pickled to where the graph runs."""

    def write(self, table: str, rows: Sequence[Row]) -> int:
        """Write rows of a table so that the same rows written again do not double; return bytes written.

        Raises:
            RowsRefusedError: Some rows were refused; the others are written.
        """


@dataclass(frozen=True, slots=True)
class SeveralWriters:
    """Writers that receive the same rows.

    Attributes:
        writers: In the order in which they are asked: one that may refuse rows before one that never does.
    """

    writers: tuple[TableWriter, ...]

    def write(self, table: str, rows: Sequence[Row]) -> int:
        """See :class:`TableWriter`."""
        return sum(writer.write(table, rows) for writer in self.writers)


class WriteTables(beam.PTransform):
    """Settled tracks to ``track_tags``, ``segments``, ``embeddings`` and ``failures``.

    Args:
        gather: Makes batches of tracks: :class:`GatherInBundle` or :class:`GatherDurably`.
        writer: Where rows go.
        provenance: What all rows have in common.
    """

    def __init__(self, gather: beam.PTransform, writer: TableWriter, provenance: Provenance) -> None:
        super().__init__()
        self._gather = gather
        self._write = _WriteBatch(writer, provenance)

    def expand(self, settled: beam.PCollection[Settled]) -> beam.PCollection[int]:
        """Return the number of tracks in each batch, once it is written."""
        return settled | "Gather" >> self._gather | "Write" >> beam.ParDo(self._write)


class GatherInBundle(beam.PTransform):
    """Batches of what a bundle holds: for a wave, whose rows nobody sees before its commit.

    Nothing is shuffled and no state is kept, which halves what a pipeline costs however few its tracks are.

    Args:
        tracks_per_file: Tracks of a batch at most.
    """

    def __init__(self, tracks_per_file: int = TRACKS_PER_FILE) -> None:
        super().__init__()
        self._tracks_per_file = tracks_per_file

    def expand(self, settled: beam.PCollection[Settled]) -> beam.PCollection[list[Settled]]:
        """Return the batches."""
        return settled | beam.BatchElements(self._tracks_per_file, self._tracks_per_file)


class GatherDurably(beam.PTransform):
    """Batches that are fixed before they are written: for an engine.

    Tracks are gathered in the global window, where nothing is late. The reshuffle makes the batches
    durable: an engine that retries a bundle writes the same batch again.

    Args:
        tracks_per_file: Tracks of a batch at most.
        shards: Gatherers that work side by side; an engine runs each on one core.
        max_wait_seconds: How long a track of an unbounded input may wait for company.
    """

    def __init__(
        self,
        tracks_per_file: int = TRACKS_PER_FILE,
        *,
        shards: int = 1,
        max_wait_seconds: float | None = None,
    ) -> None:
        super().__init__()
        self._tracks_per_file = tracks_per_file
        self._shards = shards
        self._max_wait_seconds = max_wait_seconds

    def expand(self, settled: beam.PCollection[Settled]) -> beam.PCollection[Iterable[Settled]]:
        """Return the batches."""
        return (
            settled
            | "By shard" >> beam.Map(_with_shard, self._shards).with_output_types(tuple[int, Settled])
            | "Gather" >> beam.GroupIntoBatches(self._tracks_per_file, self._max_wait_seconds)
            | "Make durable" >> beam.Reshuffle()
            | "Drop shard" >> beam.Values()
        )


def _with_shard(settled: Settled, shards: int) -> tuple[int, Settled]:
    return zlib.crc32(_key(settled)[0].encode()) % shards, settled


class _WriteBatch(beam.DoFn):
    def __init__(self, writer: TableWriter, provenance: Provenance) -> None:
        self._writers = writer.writers if isinstance(writer, SeveralWriters) else (writer,)
        self._provenance = provenance

    def process(self, gathered: Iterable[Settled]) -> Iterator[int]:
        times = StageTimes()
        with times.measure("write"):
            batch = list(gathered)
            refused = self._write(batch)
            reasons = [(settled, refused.get(_key(settled))) for settled in batch]
            failures = [refused_track(settled, reason) for settled, reason in reasons if reason is not None]
            if failures:
                self._write(failures)
                count_as_refused(len(failures))
        times.report()
        yield len(batch)

    def _write(self, batch: Iterable[Settled]) -> dict[_TrackKey, str]:
        """Write to one writer after the other, so that none takes a track that an earlier one refused.

        Returns:
            The tracks that were refused, and why.
        """
        tables = _rows_by_table(batch, self._provenance)
        refused: dict[_TrackKey, str] = {}
        for writer in self._writers:
            for table in PER_TRACK_TABLES:
                try:
                    _write_rows(writer, table, _rows_without(tables[table], refused))
                except RowsRefusedError as error:
                    if table == "failures":
                        raise
                    refused |= {_key_of_row(refusal.row): refusal.reason for refusal in error.refusals}
        for table in PER_TRACK_TABLES:
            Metrics.counter(NAMESPACE, f"rows_{table}").inc(len(_rows_without(tables[table], refused)))
        return refused


def _write_rows(writer: TableWriter, table: str, rows: Sequence[Row]) -> None:
    if rows:
        Metrics.counter(NAMESPACE, "bytes_written").inc(writer.write(table, rows))


def _rows_by_table(batch: Iterable[Settled], provenance: Provenance) -> defaultdict[str, list[Row]]:
    tables: defaultdict[str, list[Row]] = defaultdict(list)
    for settled in batch:
        for table, rows in rows_of(settled, provenance).items():
            tables[table] += rows
    return tables


def _rows_without(rows: Sequence[Row], refused: Container[_TrackKey]) -> list[Row]:
    return [row for row in rows if _key_of_row(row) not in refused]


def _key(settled: Settled) -> _TrackKey:
    return readable(settled.track.track_id), settled.track.generation


def _key_of_row(row: Row) -> _TrackKey:
    return row["track_id"], row["generation"]


def refused_track(settled: Settled, reason: str) -> Failure:
    """What becomes of a track one of whose rows was refused."""
    error = TrackError(Stage.WRITE, ErrorWord.ROW_REFUSED, reason)
    failure = Failure.of(settled.track, error)
    # A bundle that is tried again after midnight must not write it into another day's partition.
    return replace(failure, occurred_at=_moment(settled))


def _moment(settled: Settled) -> datetime:
    return settled.occurred_at if isinstance(settled, Failure) else settled.analyzed_at


def count_as_refused(tracks: int) -> None:
    """Correct the counts: up to here these tracks were tagged."""
    Metrics.counter(NAMESPACE, "tagged").dec(tracks)
    Metrics.counter(NAMESPACE, "failed").inc(tracks)
    Metrics.counter(NAMESPACE, f"{FAILED_AS}{ErrorWord.ROW_REFUSED}").inc(tracks)
