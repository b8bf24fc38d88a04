"""What differs in a stream on an engine: the unbounded source, and knowing what was announced before."""

from __future__ import annotations

from collections.abc import Iterator

import apache_beam as beam
from apache_beam.io.gcp.pubsub import PubsubMessage
from apache_beam.transforms.deduplicate import DeduplicatePerKey
from apache_beam.utils.timestamp import Duration

from transforms.notification import NotificationFilter, announced_by
from transforms.sources import Announced, track_of

REMEMBERED_SECONDS = 3600.0
"""How long an engine remembers an announcement. Pub/Sub delivers again within minutes; what comes later is
tagged once more and falls to the view of latest rows."""

GATHERING_SECONDS = 60.0
"""How long a row may wait for company in a file of a stream."""


class AnnouncedByMessages(beam.PTransform):
    """Messages of a subscription to announced tracks, each object and generation once.

    All in the global window: an announcement has no event time worth windowing by, and nothing is late there.
    """

    def __init__(self, wanted: NotificationFilter) -> None:
        super().__init__()
        self._wanted = wanted

    def expand(self, messages: beam.PCollection[PubsubMessage]) -> beam.PCollection[Announced]:
        """Return tracks, and failures of messages that are no notifications."""
        return (
            messages
            | "Read notifications" >> beam.FlatMap(_announced, self._wanted)
            | "By object" >> beam.Map(_keyed).with_output_types(tuple[str, Announced])
            | "Once each" >> DeduplicatePerKey(processing_time_duration=Duration(REMEMBERED_SECONDS))
            | "Tracks" >> beam.Values()
        )


def _announced(message: PubsubMessage, wanted: NotificationFilter) -> Iterator[Announced]:
    announced = announced_by(message.message_id or "", message.attributes or {}, message.data or b"", wanted)
    if announced is not None:
        yield announced


def _keyed(announced: Announced) -> tuple[str, Announced]:
    track = track_of(announced)
    return f"{track.track_id} {track.uri} {track.generation}", announced
