"""The table sink: outcomes of tracks, gathered into file batches, to writers of tables.

A file batch is the tracks whose rows go into one file of each table.

A track one of whose rows is refused is written as a failure, with none of its rows left where readers look.
A shadow's row that is refused is left out, and the track stays as it is.
"""

from __future__ import annotations

import logging
import zlib
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import apache_beam as beam
from apache_beam.metrics import Metrics

from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import Failure, Stage, TrackError
from tonearm.transforms.elements.readable import readable
from tonearm.transforms.elements.stage_times import NAMESPACE, StageTimes
from tonearm.transforms.tables.contract import SeveralWriters, TableWriter, TrackKey
from tonearm.transforms.tables.refusal import RowsRefusedError
from tonearm.transforms.tables.rows import Provenance, rows_of
from tonearm.transforms.tables.schemas import PER_TRACK_TABLES, SHADOW_TAGS, Row
from tonearm.transforms.tagging.analysis import Outcome
from tonearm.transforms.tagging.counting import FAILED_AS, count_failed_shadows

_logger = logging.getLogger(__name__)

TRACKS_PER_FILE = 1000
"""Rows of this many tracks go into one file."""


class WriteTables(beam.PTransform):
    """Writes outcomes into the tables of tracks.

    Args:
        gather: Makes file batches: :class:`GatherInBundle` or :class:`GatherDurably`.
        writer: Where rows go.
        provenance: What all rows have in common.
    """

    def __init__(self, gather: beam.PTransform, writer: TableWriter, provenance: Provenance) -> None:
        super().__init__()
        self._gather = gather
        self._write = _WriteFileBatch(FileBatchWriter(writer, provenance))

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
            | GatherByShard(self._tracks_per_file, self._shards, self._max_wait_seconds)
            | "Make durable" >> beam.Reshuffle()
            | "Drop shard" >> beam.Values()
        )


class GatherByShard(beam.PTransform):
    """File batches with the number of their shard; see :class:`GatherDurably` for the arguments."""

    def __init__(
        self, tracks_per_file: int = TRACKS_PER_FILE, shards: int = 1, max_wait_seconds: float | None = None
    ) -> None:
        super().__init__()
        self._tracks_per_file = tracks_per_file
        self._shards = shards
        self._max_wait_seconds = max_wait_seconds

    def expand(self, outcomes: beam.PCollection[Outcome]) -> beam.PCollection[tuple[int, Iterable[Outcome]]]:
        """Return the file batches."""
        return (
            outcomes
            | "By shard" >> beam.Map(_with_shard, self._shards).with_output_types(tuple[int, Outcome])
            | "Gather" >> beam.GroupIntoBatches(self._tracks_per_file, self._max_wait_seconds)
        )


def _with_shard(outcome: Outcome, shards: int) -> tuple[int, Outcome]:
    return zlib.crc32(key_of(outcome)[0].encode()) % shards, outcome


class _WriteFileBatch(beam.DoFn):
    def __init__(self, writer: FileBatchWriter) -> None:
        self._writer = writer

    def process(self, gathered: Iterable[Outcome]) -> Iterator[Counter[str]]:
        times = StageTimes()
        with times.measure("write"):
            batch = self._writer.write(list(gathered))
            rows = numbers_of(self._writer.rows_of(batch))
        times.report()
        count_rows(rows)
        yield rows


def numbers_of(tables: Mapping[str, Sequence[Row]]) -> Counter[str]:
    """How many rows each table has."""
    return Counter({table: len(rows) for table, rows in tables.items()})


class FileBatchWriter:
    """Writes file batches to writers that may refuse rows; pickled to where the graph runs.

    Args:
        writer: Where rows go.
        provenance: What all rows have in common.
    """

    def __init__(self, writer: TableWriter, provenance: Provenance) -> None:
        self._writers = writer.writers if isinstance(writer, SeveralWriters) else (writer,)
        self._provenance = provenance

    def write(self, batch: Sequence[Outcome]) -> list[Outcome]:
        """Write a file batch, a track that is refused as a failure; return what was written."""
        refused = self._write(batch)
        if refused.shadows:
            _logger.warning("%d rows of the shadow were refused", len(refused.shadows))
            count_failed_shadows(len(refused.shadows))
        outcomes = [refused.without_shadow(outcome) for outcome in batch]
        reasons = [(outcome, refused.tracks.get(key_of(outcome))) for outcome in outcomes]
        failures = [refused_track(outcome, reason) for outcome, reason in reasons if reason is not None]
        if failures:
            self._write(failures)
            count_as_refused(len(failures))
        return [*(outcome for outcome, reason in reasons if reason is None), *failures]

    def rows_of(self, batch: Iterable[Outcome]) -> dict[str, list[Row]]:
        """The rows of a file batch, by table."""
        tables: dict[str, list[Row]] = {table: [] for table in PER_TRACK_TABLES}
        for outcome in batch:
            for table, rows in rows_of(outcome, self._provenance).items():
                tables[table] += rows
        return tables

    def _write(self, batch: Iterable[Outcome]) -> _Refused:
        """Write to one writer after the other, so that none takes a track that an earlier one refused."""
        tables = self.rows_of(batch)
        refused = _Refused()
        for writer in self._writers:
            for table in PER_TRACK_TABLES:
                try:
                    _write_rows(writer, table, _rows_without(tables[table], refused.left_out_of(table)))
                except RowsRefusedError as error:
                    if table == "failures":
                        raise
                    reasons = {_key_of_row(refusal.row): refusal.reason for refusal in error.refusals}
                    (refused.shadows if table == SHADOW_TAGS else refused.tracks).update(reasons)
        return refused


@dataclass(frozen=True, slots=True)
class _Refused:
    """What writers refused, and why.

    Attributes:
        tracks: Tracks one of whose own rows was refused.
        shadows: Tracks whose shadow's row was.
    """

    tracks: dict[TrackKey, str] = field(default_factory=dict)
    shadows: dict[TrackKey, str] = field(default_factory=dict)

    def left_out_of(self, table: str) -> Mapping[TrackKey, str]:
        """Tracks of which a table gets no row."""
        return self.tracks | self.shadows if table == SHADOW_TAGS else self.tracks

    def without_shadow(self, outcome: Outcome) -> Outcome:
        """An outcome without its shadow if that was refused."""
        if isinstance(outcome, Failure) or key_of(outcome) not in self.shadows:
            return outcome
        return replace(outcome, shadow=None)


def _write_rows(writer: TableWriter, table: str, rows: Sequence[Row]) -> None:
    if rows:
        count_bytes(writer.write(table, rows))


def count_bytes(written: int) -> None:
    """Count what was written."""
    Metrics.counter(NAMESPACE, "bytes_written").inc(written)


def count_rows(rows: Mapping[str, int]) -> None:
    """Count the rows of a file batch that is written everywhere."""
    for table, count in rows.items():
        Metrics.counter(NAMESPACE, f"rows_{table}").inc(count)


def _rows_without(rows: Sequence[Row], refused: Container[TrackKey]) -> list[Row]:
    return [row for row in rows if _key_of_row(row) not in refused]


def key_of(outcome: Outcome) -> TrackKey:
    """What names a track in all of its rows."""
    return readable(outcome.track.track_id), outcome.track.generation


def _key_of_row(row: Row) -> TrackKey:
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
