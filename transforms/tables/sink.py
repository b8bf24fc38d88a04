"""The table sink: outcomes of tracks, gathered into file batches, to writers of tables.

A file batch is the tracks whose rows go into one file of each table.

A track one of whose rows is refused is written as a failure, with none of its rows left where readers look.
"""

from __future__ import annotations

import zlib
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

import apache_beam as beam
from apache_beam.metrics import Metrics

from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import Failure, Stage, TrackError
from tonearm.transforms.elements.readable import readable
from tonearm.transforms.elements.stage_times import NAMESPACE, StageTimes
from tonearm.transforms.tables.contract import SeveralWriters, TableWriter
from tonearm.transforms.tables.refusal import RowsRefusedError
from tonearm.transforms.tables.rows import Provenance, rows_of
from tonearm.transforms.tables.schemas import PER_TRACK_TABLES, Row
from tonearm.transforms.tagging.analysis import Outcome
from tonearm.transforms.tagging.counting import FAILED_AS

TRACKS_PER_FILE = 1000
"""Rows of this many tracks go into one file."""

_TrackKey = tuple[str, str]
"""``track_id`` and ``generation``; all rows of a run have one tagger."""


class WriteTables(beam.PTransform):
    """Writes outcomes into ``track_tags``, ``segments``, ``embeddings`` and ``failures``.

    Args:
        gather: Makes file batches: :class:`GatherInBundle` or :class:`GatherDurably`.
        writer: Where rows go.
        provenance: What all rows have in common.
    """

    def __init__(self, gather: beam.PTransform, writer: TableWriter, provenance: Provenance) -> None:
        super().__init__()
        self._gather = gather
        self._write = _WriteFileBatch(writer, provenance)

    def expand(self, outcomes: beam.PCollection[Outcome]) -> beam.PCollection[Counter[str]]:
        """Return how many rows of each table a file batch has, once it is written."""
        return outcomes | "Gather" >> self._gather | "Write" >> beam.ParDo(self._write)


class GatherInBundle(beam.PTransform):
    """File batches of what a worker has at hand: for a share, whose rows nobody sees before its commit.

    Beam hands elements over in bundles, and each bundle is batched by itself. Nothing is shuffled, no state
    is kept, which halves what a pipeline costs however few its tracks are.

    Args:
        tracks_per_file: Tracks of a file batch at most.
    """

    def __init__(self, tracks_per_file: int = TRACKS_PER_FILE) -> None:
        super().__init__()
        self._tracks_per_file = tracks_per_file

    def expand(self, outcomes: beam.PCollection[Outcome]) -> beam.PCollection[list[Outcome]]:
        """Return the file batches."""
        return outcomes | beam.BatchElements(self._tracks_per_file, self._tracks_per_file)


class GatherDurably(beam.PTransform):
    """File batches that are fixed before they are written: for a cluster.

    Tracks are gathered in the global window, where nothing is late. The reshuffle makes the batches
    durable: a cluster that tries a failed bundle of elements again writes the same file batch again.

    Args:
        tracks_per_file: Tracks of a file batch at most.
        shards: Gatherers that work side by side; a cluster runs each on one core.
        max_wait_seconds: How long a stream's track may wait for others to share its file.
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

    def expand(self, outcomes: beam.PCollection[Outcome]) -> beam.PCollection[Iterable[Outcome]]:
        """Return the file batches."""
        return (
            outcomes
            | "By shard" >> beam.Map(_with_shard, self._shards).with_output_types(tuple[int, Outcome])
            | "Gather" >> beam.GroupIntoBatches(self._tracks_per_file, self._max_wait_seconds)
            | "Make durable" >> beam.Reshuffle()
            | "Drop shard" >> beam.Values()
        )


def _with_shard(outcome: Outcome, shards: int) -> tuple[int, Outcome]:
    return zlib.crc32(_key(outcome)[0].encode()) % shards, outcome


class _WriteFileBatch(beam.DoFn):
    def __init__(self, writer: TableWriter, provenance: Provenance) -> None:
        self._writers = writer.writers if isinstance(writer, SeveralWriters) else (writer,)
        self._provenance = provenance

    def process(self, gathered: Iterable[Outcome]) -> Iterator[Counter[str]]:
        times = StageTimes()
        with times.measure("write"):
            batch = list(gathered)
            rows, refused = self._write(batch)
            reasons = [(outcome, refused.get(_key(outcome))) for outcome in batch]
            failures = [refused_track(outcome, reason) for outcome, reason in reasons if reason is not None]
            if failures:
                rows += self._write(failures)[0]
                count_as_refused(len(failures))
        times.report()
        yield rows

    def _write(self, batch: Iterable[Outcome]) -> tuple[Counter[str], dict[_TrackKey, str]]:
        """Write to one writer after the other, so that none takes a track that an earlier one refused.

        Returns:
            How many rows of each table were written everywhere, and the tracks that were refused, and why.
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
        rows = Counter({table: len(_rows_without(tables[table], refused)) for table in PER_TRACK_TABLES})
        for table, count in rows.items():
            Metrics.counter(NAMESPACE, f"rows_{table}").inc(count)
        return rows, refused


def _write_rows(writer: TableWriter, table: str, rows: Sequence[Row]) -> None:
    if rows:
        Metrics.counter(NAMESPACE, "bytes_written").inc(writer.write(table, rows))


def _rows_by_table(batch: Iterable[Outcome], provenance: Provenance) -> defaultdict[str, list[Row]]:
    tables: defaultdict[str, list[Row]] = defaultdict(list)
    for outcome in batch:
        for table, rows in rows_of(outcome, provenance).items():
            tables[table] += rows
    return tables


def _rows_without(rows: Sequence[Row], refused: Container[_TrackKey]) -> list[Row]:
    return [row for row in rows if _key_of_row(row) not in refused]


def _key(outcome: Outcome) -> _TrackKey:
    return readable(outcome.track.track_id), outcome.track.generation


def _key_of_row(row: Row) -> _TrackKey:
    return row["track_id"], row["generation"]


def refused_track(outcome: Outcome, reason: str) -> Failure:
    """What becomes of a track one of whose rows was refused."""
    error = TrackError(Stage.WRITE, ErrorWord.ROW_REFUSED, reason)
    failure = Failure.of(outcome.track, error)
    # Rows that are written again after midnight must not go into another day's partition.
    return replace(failure, occurred_at=_moment(outcome))


def _moment(outcome: Outcome) -> datetime:
    return outcome.occurred_at if isinstance(outcome, Failure) else outcome.analyzed_at


def count_as_refused(tracks: int) -> None:
    """Correct the counts: up to here these tracks were tagged."""
    Metrics.counter(NAMESPACE, "tagged").dec(tracks)
    Metrics.counter(NAMESPACE, "failed").inc(tracks)
    Metrics.counter(NAMESPACE, f"{FAILED_AS}{ErrorWord.ROW_REFUSED}").inc(tracks)
