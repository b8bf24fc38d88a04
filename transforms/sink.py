"""The table sink: settled tracks to Parquet files whose names are fixed by what is in them."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date

import apache_beam as beam
from apache_beam.metrics import Metrics

from transforms.inference import Settled
from transforms.parquet import partition_folder, write_file
from transforms.tables import PARTITION, PER_TRACK_TABLES, Provenance, Row, rows_of
from transforms.timing import NAMESPACE, StageTimes

TRACKS_PER_FILE = 1000
"""Rows of this many tracks go into one file."""


class WriteTables(beam.PTransform):
    """Settled tracks to files of ``track_tags``, ``segments``, ``embeddings`` and ``failures``.

    Tracks are gathered in the global window, where nothing is late. The reshuffle makes the batches
    durable before they are written: an engine that retries a bundle writes the same batch again,
    under the same name.
    """

    def __init__(
        self,
        root: str,
        provenance: Provenance,
        *,
        tracks_per_file: int = TRACKS_PER_FILE,
        max_wait_seconds: float | None = None,
    ) -> None:
        """Set up the sink.

        Args:
            root: Folder or URL that the tables' folders lie in.
            provenance: What all rows have in common.
            tracks_per_file: Tracks gathered before a file is written.
            max_wait_seconds: How long an unbounded input may wait for company.
        """
        super().__init__()
        self._root = root
        self._provenance = provenance
        self._tracks_per_file = tracks_per_file
        self._max_wait_seconds = max_wait_seconds

    def expand(self, settled: beam.PCollection[Settled]) -> beam.PCollection[str]:
        """Return the locations of the written files."""
        return (
            settled
            | "One shard" >> beam.Map(lambda element: (0, element))
            | "Gather" >> beam.GroupIntoBatches(self._tracks_per_file, self._max_wait_seconds)
            | "Make durable" >> beam.Reshuffle()
            | "Write files" >> beam.ParDo(_WriteFiles(self._root, self._provenance))
        )


class _WriteFiles(beam.DoFn):
    def __init__(self, root: str, provenance: Provenance) -> None:
        self._root = root
        self._provenance = provenance

    def process(self, keyed_batch: tuple[int, Iterable[Settled]]) -> Iterator[str]:
        times = StageTimes()
        with times.measure("write"):
            partitions = _rows_by_partition(keyed_batch[1], self._provenance)
            for table in PER_TRACK_TABLES:
                for (of_table, day), rows in partitions.items():
                    if of_table == table:
                        location = f"{self._root}/{partition_folder(table, day)}/{file_name(rows)}"
                        Metrics.counter(NAMESPACE, "bytes_written").inc(write_file(location, table, rows))
                        Metrics.counter(NAMESPACE, f"rows_{table}").inc(len(rows))
                        yield location
        times.report()


def _rows_by_partition(batch: Iterable[Settled], provenance: Provenance) -> dict[tuple[str, date], list[Row]]:
    partitions: defaultdict[tuple[str, date], list[Row]] = defaultdict(list)
    for settled in batch:
        for table, rows in rows_of(settled, provenance).items():
            for row in rows:
                partitions[table, row[PARTITION]].append(row)
    return partitions


def file_name(rows: Iterable[Row]) -> str:
    """A name that depends on the run and the rows' keys alone, whatever their order."""
    keys = sorted(
        "\0".join(row[name] for name in ("run_id", "track_id", "generation", "tagger")) for row in rows
    )
    return f"part-{hashlib.sha256(chr(1).join(keys).encode()).hexdigest()[:24]}.parquet"
