"""The graph of a stream on a cluster: messages in, rows of tables out, each announcement worked once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import apache_beam as beam
from apache_beam.io.gcp.pubsub import PubsubMessage
from apache_beam.transforms.deduplicate import DeduplicatePerKey
from apache_beam.utils.timestamp import Duration

from tonearm.models.bundles.tagger import Tagger
from tonearm.pipelines.graphs.analyze import AnalyzeTracks
from tonearm.transforms.elements.arrival import Arrival, track_of
from tonearm.transforms.elements.input_kind import InputKind
from tonearm.transforms.elements.settings import AnalysisSettings
from tonearm.transforms.sources.notification import arrival_of_message
from tonearm.transforms.sources.object_filter import ObjectFilter
from tonearm.transforms.sources.pending import count_skip, reason_to_leave_out
from tonearm.transforms.sources.spectrogram_files import LookIntoFiles
from tonearm.transforms.tables.contract import Output
from tonearm.transforms.tables.rows import Provenance
from tonearm.transforms.tables.sink import GatherDurably, WriteTables

REMEMBERED_SECONDS = 3600.0
"""How long a cluster remembers an announcement. Pub/Sub delivers again within minutes; what comes later is
tagged once more, and the views of latest rows show one row."""

GATHERING_SECONDS = 60.0
"""How long a stream's row may wait for others to share its file."""


class ArrivalsOfMessages(beam.PTransform):
    """Messages of a subscription to announced tracks, each object and generation once.

    All in the global window: an announcement has no event time worth windowing by, and nothing is late there.
    """

    def __init__(self, wanted: ObjectFilter, input_kind: InputKind = InputKind.AUDIO) -> None:
        super().__init__()
        self._wanted = wanted
        self._input_kind = input_kind

    def expand(self, messages: beam.PCollection[PubsubMessage]) -> beam.PCollection[Arrival]:
        """Return tracks, and failures of messages that are no notifications."""
        announced = messages | "Read notifications" >> beam.FlatMap(_announced, self._wanted)
        if self._input_kind is InputKind.SPECTROGRAM:
            announced = announced | "Look into files" >> beam.ParDo(LookIntoFiles())
        return (
            announced
            | "By object" >> beam.Map(_keyed).with_output_types(tuple[str, Arrival])
            | "Once each" >> DeduplicatePerKey(processing_time_duration=Duration(REMEMBERED_SECONDS))
            | "Tracks" >> beam.Values()
        )


class TagStream(beam.PTransform):
    """Messages of a subscription to tables that grow as they come."""

    def __init__(
        self,
        settings: AnalysisSettings,
        tagger: Tagger,
        wanted: ObjectFilter,
        write: beam.PTransform,
        input_kind: InputKind = InputKind.AUDIO,
        network_hints: Mapping[str, str] | None = None,
    ) -> None:
        """Set up the graph.

        Args:
            settings: How tracks are analysed.
            tagger: What tags them.
            wanted: Which objects to take.
            write: Takes outcomes to the tables, see :func:`written_at_once`.
            input_kind: What tracks come as.
            network_hints: See :class:`AnalyzeTracks`.
        """
        super().__init__()
        self._announce = ArrivalsOfMessages(wanted, input_kind)
        self._analyze = AnalyzeTracks(settings, tagger.front_end, network_hints=network_hints)
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


def _announced(message: PubsubMessage, wanted: ObjectFilter) -> Iterator[Arrival]:
    arrival = arrival_of_message(message.message_id or "", message.attributes or {}, message.data or b"")
    if arrival is None:
        return
    if reason := reason_to_leave_out(arrival, wanted):
        count_skip(reason)
    else:
        yield arrival


def _keyed(arrival: Arrival) -> tuple[str, Arrival]:
    track = track_of(arrival)
    return f"{track.track_id} {track.uri} {track.generation}", arrival
