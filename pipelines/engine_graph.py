"""The graphs of the ingest job on an engine: the whole input or the unbounded source at once.

The engine keeps the state, so there are no waves: tracks are gathered by count and time, and written.
"""

from __future__ import annotations

import apache_beam as beam
from apache_beam.io.gcp.pubsub import PubsubMessage

from models.bundle import Tagger
from pipelines.graph import AnalyzeTracks
from pipelines.outputs import Output
from pipelines.streaming_graph import GATHERING_SECONDS, AnnouncedByMessages
from transforms.inference import Settled
from transforms.notification import NotificationFilter
from transforms.pending import ListPending
from transforms.settings import AnalysisSettings
from transforms.sink import GatherDurably, WriteTables
from transforms.sources import Announced
from transforms.tables import Provenance

BACKFILL_SHARDS = 8
"""A backfill's tracks are gathered in so many places at once; more would make small files of few tracks."""


class TagBackfill(beam.PTransform):
    """Locations to tables that are committed once everything is written.

    The commit is part of the graph, so a job needs nobody to wait for it. It may be repeated, as every write
    may.
    """

    def __init__(
        self,
        settings: AnalysisSettings,
        tagger: Tagger,
        output: Output,
        provenance: Provenance,
        done_in: str | None,
    ) -> None:
        """Set up the graph.

        Args:
            settings: How tracks are analysed.
            tagger: What tags them.
            output: The tables.
            provenance: What all rows have in common; its run names what waits for the commit.
            done_in: Output whose tables tell what is done; None to do everything again.
        """
        super().__init__()
        self._analyze = AnalyzeTracks(settings, tagger.front_end)
        self._list = ListPending(done_in, tagger.identity)
        self._output = output
        self._provenance = provenance

    def expand(self, locations: beam.PCollection[str]) -> beam.PCollection[None]:
        """Return one element, after the commit."""
        run = self._provenance.run_id
        writer = self._output.backfill_writer(run)
        settled: beam.PCollection[Settled] = (
            locations
            | "List" >> beam.ParDo(self._list).with_output_types(Announced)
            | "Spread" >> beam.Reshuffle()
            | "Analyze" >> self._analyze
        )
        return (
            settled
            | "Write" >> WriteTables(GatherDurably(shards=BACKFILL_SHARDS), writer, self._provenance)
            | "When all is written" >> beam.CombineGlobally(sum)
            | "Commit" >> beam.Map(_commit, self._output, run)
        )


class TagStream(beam.PTransform):
    """Messages of a subscription to tables that grow as they come."""

    def __init__(
        self,
        settings: AnalysisSettings,
        tagger: Tagger,
        wanted: NotificationFilter,
        write: beam.PTransform,
    ) -> None:
        """Set up the graph.

        Args:
            settings: How tracks are analysed.
            tagger: What tags them.
            wanted: Which notifications to take.
            write: Takes settled tracks to the tables, see :func:`written_at_once`.
        """
        super().__init__()
        self._announce = AnnouncedByMessages(wanted)
        self._analyze = AnalyzeTracks(settings, tagger.front_end)
        self._write = write

    def expand(self, messages: beam.PCollection[PubsubMessage]) -> beam.PCollection:
        """Return what the writing transform does."""
        return (
            messages
            | "Announce" >> self._announce
            | "Spread" >> beam.Reshuffle()
            | "Analyze" >> self._analyze
            | "Write" >> self._write
        )


def written_at_once(output: Output, provenance: Provenance) -> WriteTables:
    """A stream's way to the tables: gathered by count and time, and seen as soon as it is written."""
    gather = GatherDurably(max_wait_seconds=GATHERING_SECONDS)
    return WriteTables(gather, output.stream_writer(), provenance)


def _commit(tracks: int, output: Output, run: str) -> None:
    output.commit(run)
