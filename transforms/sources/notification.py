"""Object notifications of Google Cloud Storage, as Pub/Sub delivers them, to tracks.

Three forms are understood:

- Pub/Sub notifications of a bucket: what happened is in the attributes (``eventType``, ``bucketId``,
  ``objectId``, ``objectGeneration``), and the object's resource in the payload, which is empty where the
  notification was made with ``--payload-format=none``;
- CloudEvents, as Eventarc publishes them, in binary mode: what happened is in attributes that begin with
  ``ce-``, and the object's resource in the payload;
- CloudEvents in structured mode: one JSON document holds both.

Sources: https://cloud.google.com/storage/docs/pubsub-notifications,
https://cloud.google.com/eventarc/docs/cloudevents-json,
https://github.com/googleapis/google-cloudevents-python (``StorageObjectData``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tonearm.transforms.elements.arrival import Arrival
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import Failure, Stage, TrackError
from tonearm.transforms.elements.track import Track
from tonearm.transforms.sources.listing import track_id_of

_CLOUD_EVENT = "google.cloud.storage.object.v1."

_FINALIZE = {"OBJECT_FINALIZE", f"{_CLOUD_EVENT}finalized"}
"""The only event that brings new bytes."""

_OF_NO_INTEREST = {
    *("OBJECT_METADATA_UPDATE", "OBJECT_ARCHIVE", "OBJECT_DELETE"),
    *(f"{_CLOUD_EVENT}{event}" for event in ("metadataUpdated", "archived", "deleted")),
}
"""The other events that Cloud Storage documents. Any further one is a failure: it may have brought bytes."""

_STRUCTURED = "application/cloudevents+json"

_BUCKET_SOURCE = "//storage.googleapis.com/projects/_/buckets/"

_OBJECT_SUBJECT = "objects/"


@dataclass(frozen=True, slots=True)
class _Notice:
    """What a message says, in whichever of the three forms; unchecked, and empty where it says nothing.

    Attributes:
        event: What happened.
        bucket: The bucket's name.
        name: The object's name.
        generation: The object's generation, in digits.
        resource: The object's resource: JSON, or what was parsed from it.
    """

    event: str
    bucket: str
    name: str
    generation: str
    resource: Any


def arrival_of_message(message_id: str, attributes: Mapping[str, str], payload: bytes) -> Arrival | None:
    """Read one notification.

    Args:
        message_id: Names a malformed message in ``failures``; the same at every delivery.
        attributes: The message's attributes.
        payload: The message's data.

    Returns:
        The track, its size unknown if the message has no payload; a failure ``malformed_message``, which
        ``tonearm retry`` takes if the message names an object; or None where no object came: another event,
        or the marker of a folder.
    """
    notice = _notice(attributes, payload)
    if notice.event in _OF_NO_INTEREST or notice.name.endswith("/"):
        return None
    try:
        return _track(notice)
    except (KeyError, ValueError, TypeError, OverflowError, RecursionError) as error:
        return _malformed(message_id, notice, error)


def _notice(attributes: Mapping[str, str], payload: bytes) -> _Notice:
    if attributes.get("content-type", "").startswith(_STRUCTURED):
        envelope = _json_object(payload)
        data = envelope.get("data")
        return _notice_of_event(envelope, data if isinstance(data, dict) else {}, data)
    if "ce-type" in attributes:
        context = {name.removeprefix("ce-"): value for name, value in attributes.items()}
        return _notice_of_event(context, _json_object(payload), payload)
    return _Notice(
        event=attributes.get("eventType", ""),
        bucket=attributes.get("bucketId", ""),
        name=attributes.get("objectId", ""),
        generation=attributes.get("objectGeneration", ""),
        resource=payload,
    )


def _notice_of_event(context: Mapping[str, Any], data: Mapping[str, Any], resource: Any) -> _Notice:
    """A CloudEvent's notice: its data names the object, and where it has none, its source and subject do."""
    source, subject = _text(context, "source"), _text(context, "subject")
    return _Notice(
        event=_text(context, "type"),
        bucket=_text(data, "bucket") or _text(context, "bucket") or _after(_BUCKET_SOURCE, source),
        name=_text(data, "name") or _after(_OBJECT_SUBJECT, subject),
        generation=_text(data, "generation"),
        resource=resource,
    )


def _track(notice: _Notice) -> Track:
    if notice.event not in _FINALIZE:
        raise ValueError("an event that is not known") if notice.event else KeyError("eventType")
    uri = _uri(notice)
    if not uri:
        raise KeyError("objectId" if notice.bucket else "bucketId")
    if not notice.generation:
        raise KeyError("objectGeneration")
    return Track(track_id_of(uri), uri, str(int(notice.generation)), _size(notice.resource))


def _uri(notice: _Notice) -> str:
    return f"gs://{notice.bucket}/{notice.name}" if notice.bucket and notice.name else ""


def _size(resource: Any) -> int | None:
    """Bytes of the object; None if its resource was not sent."""
    if resource is None or resource == b"":
        return None
    if isinstance(resource, bytes):
        resource = json.loads(resource)
    size = int(resource["size"])
    if size < 0:
        raise ValueError("a negative size")
    return size


def _malformed(message_id: str, notice: _Notice, error: Exception) -> Failure:
    """A failure that says what is wrong without quoting the message: anybody may publish anything."""
    reason = f"lacks {error.args[0]}" if isinstance(error, KeyError) else type(error).__name__
    message = f"not a notification of Cloud Storage: {reason}"
    # Without the generation, so that a good message of the same object is not taken for known.
    uri = _uri(notice)
    track = Track(track_id_of(uri), uri) if uri else Track(f"message:{message_id}", "", named=True)
    problem = TrackError(Stage.SOURCE, ErrorWord.MALFORMED_MESSAGE, message, retriable=bool(uri))
    return Failure.of(track, problem)


def _json_object(payload: bytes) -> Mapping[str, Any]:
    try:
        parsed = json.loads(payload)
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _text(fields: Mapping[str, Any], name: str) -> str:
    """A field as text; empty where there is none, or half a character, which JSON holds and no table can."""
    value = fields.get(name)
    text = str(value) if isinstance(value, str | int) else ""
    return text if text.isascii() or text.encode(errors="replace").decode() == text else ""


def _after(beginning: str, text: str) -> str:
    return text.removeprefix(beginning) if text.startswith(beginning) else ""
