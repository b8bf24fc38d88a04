"""Object notifications of Google Cloud Storage, as Pub/Sub delivers them, to tracks.

The format is JSON_API_V1: what happened is in the message's attributes (``eventType``, ``bucketId``,
``objectId``, ``objectGeneration``), the object's resource in its payload.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tonearm.transforms.elements.arrival import Arrival
from tonearm.transforms.elements.failure import ErrorWord, Failure, Stage, TrackError
from tonearm.transforms.elements.track import Track
from tonearm.transforms.sources.listing import track_id_of

FINALIZE = "OBJECT_FINALIZE"
"""The only event that brings new bytes; metadata updates, archivals and deletions are of no interest."""


@dataclass(frozen=True, slots=True)
class NotificationFilter:
    """Which objects a stream takes.

    Attributes:
        prefixes: ``gs://bucket/folder/`` beginnings; empty for all.
        suffixes: Endings such as ``.flac``, in any case; empty for all.
    """

    prefixes: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()

    def takes(self, uri: str) -> bool:
        """True if the object is wanted."""
        return (not self.prefixes or uri.startswith(self.prefixes)) and (
            not self.suffixes or uri.lower().endswith(tuple(suffix.lower() for suffix in self.suffixes))
        )


def arrival_of_message(
    message_id: str, attributes: Mapping[str, str], payload: bytes, wanted: NotificationFilter
) -> Arrival | None:
    """Read one notification.

    Args:
        message_id: Names a malformed message in ``failures``; the same at every delivery.
        attributes: The message's attributes.
        payload: The object's resource in JSON; only its size is read.
        wanted: Which objects to take.

    Returns:
        The track; a failure ``malformed_message``; or None for what is not wanted: another event,
        another prefix or suffix, a folder marker.
    """
    event = attributes.get("eventType")
    if event is not None and event != FINALIZE:
        return None
    try:
        track = _track(attributes, payload)
    except (KeyError, ValueError, TypeError, OverflowError, RecursionError) as error:
        return Failure.of(Track(f"message:{message_id}", "", named=True), _malformed(error))
    return track if wanted.takes(track.uri) and not track.uri.endswith("/") else None


def _track(attributes: Mapping[str, str], payload: bytes) -> Track:
    if "eventType" not in attributes:
        raise KeyError("eventType")
    uri = f"gs://{attributes['bucketId']}/{attributes['objectId']}"
    if not (attributes["bucketId"] and attributes["objectId"]):
        raise ValueError("bucketId or objectId is empty")
    generation = str(int(attributes["objectGeneration"]))
    return Track(track_id_of(uri), uri, generation, _size(payload))


def _size(payload: bytes) -> int:
    resource: Any = json.loads(payload)
    size = int(resource["size"])
    if size < 0:
        raise ValueError("size is negative")
    return size


def _malformed(error: Exception) -> TrackError:
    """What is wrong with the message, without quoting it: anybody may publish anything."""
    reason = f"lacks {error.args[0]}" if isinstance(error, KeyError) else type(error).__name__
    message = f"not a notification of Cloud Storage: {reason}"
    return TrackError(Stage.SOURCE, ErrorWord.MALFORMED_MESSAGE, message)
