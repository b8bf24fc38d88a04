"""The graph of a stream on a cluster: announcements in, rows of tables out, each announcement worked once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import apache_beam as beam
from apache_beam.io.gcp.pubsub import PubsubMessage
from apache_beam.transforms.deduplicate import DeduplicatePerKey
from apache_beam.utils.timestamp import Duration

from tonearm.models.bundles.tagger import Tagger
from tonearm.pipelines.graphs.analyze import AnalyzeTracks
from tonearm.transforms.elements.arrival import Arrival, track_of
from tonearm.transforms.elements.further_taggers import Canary
from tonearm.transforms.elements.input_kind import InputKind
from tonearm.transforms.elements.settings import AnalysisSettings
from tonearm.transforms.sources.notification import arrival_of_message
from tonearm.transforms.sources.object_filter import ObjectFilter
from tonearm.transforms.sources.pending import KeepPending, count_skip, reason_to_leave_out
from tonearm.transforms.sources.polling import AnnounceNew
from tonearm.transforms.sources.spectrogram_files import LookIntoFiles
from tonearm.transforms.tables.contract import Output
from tonearm.transforms.tables.publishing.stream import PublishTables
from tonearm.transforms.tables.rows import Provenance
from tonearm.transforms.tables.sink import GatherByShard, GatherDurably, WriteTables
from tonearm.transforms.tagging.at_work import LoadPinned, LoadTagger

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


class ArrivalsOfListings(beam.PTransform):
    """Signals to list to announced tracks: what is new in a prefix, and not in the tables from before.

    Args:
        location: Folder, prefix or glob that is listed at a signal.
        pause_seconds: Time from one listing to the next.
        wanted: Which objects to take.
        ledger_output: Output whose tables tell what is done.
        tagger: ``name@version`` of the rows that count as done.
        input_kind: What tracks come as.
        root: The bundle root that the stream follows, if it does: see :class:`KeepPending`.
        canary: What tags a share of the tracks in the tagger's place; None for nothing.
    """

    def __init__(
        self,
        location: str,
        pause_seconds: float,
        wanted: ObjectFilter,
        ledger_output: str,
        tagger: str,
        input_kind: InputKind = InputKind.AUDIO,
        root: str = "",
        canary: Canary | None = None,
    ) -> None:
        super().__init__()
        self._location = location
        self._list = AnnounceNew(wanted, input_kind, pause_seconds)
        self._keep = KeepPending(ledger_output, tagger, root=root, canary=canary)
        self._input_kind = input_kind

    def expand(self, signals: beam.PCollection[Any]) -> beam.PCollection[Arrival]:
        """Return tracks, and failures of what cannot be looked at."""
        found = (
            signals
            | "By location" >> beam.Map(_located, self._location).with_output_types(tuple[str, int])
            | "List" >> beam.ParDo(self._list).with_output_types(Arrival)
        )
        if self._input_kind is InputKind.SPECTROGRAM:
            found = found | "Look into files" >> beam.ParDo(LookIntoFiles()).with_output_types(Arrival)
        return found | "Keep pending" >> beam.ParDo(self._keep).with_output_types(Arrival)


class TagStream(beam.PTransform):
    """Messages of a subscription, or listings of a prefix, to tables that grow as they come."""

    def __init__(
        self,
        settings: AnalysisSettings,
        tagger: Tagger,
        announce: beam.PTransform,
        write: beam.PTransform,
        *,
        load: LoadTagger | None = None,
        network_hints: Mapping[str, str] | None = None,
    ) -> None:
        """Set up the graph.

        Args:
            settings: How tracks are analysed.
            tagger: What tags them; if ``load`` is given, at first.
            announce: Makes arrivals of what comes in: :class:`ArrivalsOfMessages` or
                :class:`ArrivalsOfListings`.
            write: Takes outcomes to the tables, see :func:`written_at_once`.
            load: Brings taggers of this front end to work on a worker, one after the other; None for the one
                that is given.
            network_hints: See :class:`AnalyzeTracks`.
        """
        super().__init__()
        self._announce = announce
        self._analyze = AnalyzeTracks(
            settings,
            tagger.front_end,
            load=load or LoadPinned(tagger.bundle_hash),
            network_hints=network_hints,
        )
        self._write = write

    def expand(self, signals: beam.PCollection[Any]) -> beam.PCollection:
        """Return what the writing transform does."""
        return (
            signals
            | "Announce" >> self._announce
            | "Spread" >> beam.Reshuffle()
            | "Analyze" >> self._analyze
            | "Write" >> self._write
        )


def written_at_once(output: Output, provenance: Provenance) -> beam.PTransform:
    """A stream's way to the tables: gathered by count and time, and seen as soon as it is written."""
    if output.journal(provenance.run_id, 0) is not None:
        return PublishTables(GatherByShard(max_wait_seconds=GATHERING_SECONDS), output, provenance)
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


def _located(signal: object, location: str) -> tuple[str, int]:
    """All signals under one key, with nothing to say."""
    return location, 0
