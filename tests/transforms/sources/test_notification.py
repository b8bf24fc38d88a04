"""Notifications of Cloud Storage become tracks; whatever else is published does no harm."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import Failure
from tonearm.transforms.elements.track import Track
from tonearm.transforms.sources.listing import track_id_of
from tonearm.transforms.sources.notification import arrival_of_message

ATTRIBUTES = {
    "eventType": "OBJECT_FINALIZE",
    "bucketId": "catalog",
    "objectId": "in/ä b?.flac",
    "objectGeneration": "1700000000000001",
    "payloadFormat": "JSON_API_V1",
}
URI = "gs://catalog/in/ä b?.flac"
PAYLOAD = json.dumps({"kind": "storage#object", "size": "4711"}).encode()


def test_a_new_object_is_a_track_at_its_generation() -> None:
    expected = Track(track_id_of(URI), URI, "1700000000000001", 4711)
    assert arrival_of_message("1", ATTRIBUTES, PAYLOAD) == expected


def test_an_overwritten_object_is_a_track_at_its_new_generation() -> None:
    overwritten = ATTRIBUTES | {
        "overwroteGeneration": "1600000000000001",
        "eventTime": "2026-01-01T00:00:00Z",
    }
    assert arrival_of_message("1", overwritten, PAYLOAD) == arrival_of_message("1", ATTRIBUTES, PAYLOAD)


def test_without_a_payload_the_size_is_unknown() -> None:
    announced = arrival_of_message("1", ATTRIBUTES | {"payloadFormat": "NONE"}, b"")
    assert announced == Track(track_id_of(URI), URI, "1700000000000001", None)


@pytest.mark.parametrize(
    "name", ["a b.flac", "100% #1.flac", "a%20b.flac", "ü/☃.flac", "?x=1&y.flac", "a//b.flac"]
)
def test_names_are_taken_to_the_letter(name: str) -> None:
    announced = arrival_of_message("1", ATTRIBUTES | {"objectId": name}, PAYLOAD)
    assert isinstance(announced, Track)
    assert announced.uri == f"gs://catalog/{name}"


FINALIZED = "google.cloud.storage.object.v1.finalized"
OBJECT = {"bucket": "catalog", "name": "in/ä b?.flac", "generation": "1700000000000001", "size": "4711"}
SOURCE = "//storage.googleapis.com/projects/_/buckets/catalog"
SUBJECT = "objects/in/ä b?.flac"


def cloud_event(
    event: str, resource: dict[str, str] | None, *, structured: bool
) -> tuple[dict[str, str], bytes]:
    """Attributes and data of a message, as the Pub/Sub binding of CloudEvents has them."""
    context = {"specversion": "1.0", "id": "1", "type": event, "source": SOURCE, "subject": SUBJECT}
    if structured:
        data = {} if resource is None else {"data": resource}
        kind = {"content-type": "application/cloudevents+json; charset=utf-8"}
        return kind, json.dumps(context | data).encode()
    attributes = {f"ce-{name}": value for name, value in context.items()}
    return attributes, b"" if resource is None else json.dumps(resource).encode()


@pytest.mark.parametrize("structured", [False, True], ids=["binary", "structured"])
def test_a_cloud_event_is_a_track(structured: bool) -> None:
    announced = arrival_of_message("1", *cloud_event(FINALIZED, OBJECT, structured=structured))
    assert announced == Track(track_id_of(URI), URI, "1700000000000001", 4711)


@pytest.mark.parametrize("structured", [False, True], ids=["binary", "structured"])
@pytest.mark.parametrize("event", ["deleted", "archived", "metadataUpdated"])
def test_other_cloud_events_are_of_no_interest(event: str, structured: bool) -> None:
    message = cloud_event(f"google.cloud.storage.object.v1.{event}", OBJECT, structured=structured)
    assert arrival_of_message("1", *message) is None


@pytest.mark.parametrize("structured", [False, True], ids=["binary", "structured"])
@pytest.mark.parametrize("resource", [None, {}, {"size": "1"}])
def test_a_cloud_event_without_its_data_fails_with_its_object_named(
    resource: dict[str, str] | None, structured: bool
) -> None:
    failure = arrival_of_message("1", *cloud_event(FINALIZED, resource, structured=structured))
    assert isinstance(failure, Failure)
    assert (failure.error, failure.track.uri, failure.retriable) == (ErrorWord.MALFORMED_MESSAGE, URI, True)


@pytest.mark.parametrize("event", ["OBJECT_RESTORE", "google.cloud.storage.object.v2.finalized"])
def test_an_event_that_nobody_documented_fails_with_its_object_named(event: str) -> None:
    failure = arrival_of_message("1", ATTRIBUTES | {"eventType": event}, PAYLOAD)
    assert isinstance(failure, Failure)
    assert (failure.error, failure.track.uri, failure.retriable) == (ErrorWord.MALFORMED_MESSAGE, URI, True)


def test_half_a_character_in_a_name_does_no_harm() -> None:
    kind = {"content-type": "application/cloudevents+json"}
    envelope = json.dumps({"type": FINALIZED, "data": OBJECT | {"name": "\ud800"}}).encode()
    assert isinstance(arrival_of_message("1", kind, envelope), Failure)


@pytest.mark.parametrize("event", ["OBJECT_DELETE", "OBJECT_METADATA_UPDATE", "OBJECT_ARCHIVE"])
def test_other_events_are_of_no_interest(event: str) -> None:
    assert arrival_of_message("1", ATTRIBUTES | {"eventType": event}, b"") is None


def test_a_folder_marker_is_no_track() -> None:
    assert arrival_of_message("1", ATTRIBUTES | {"objectId": "in/"}, PAYLOAD) is None


@pytest.mark.parametrize("name", ["bucketId", "objectId", "objectGeneration", "eventType"])
def test_a_lacking_attribute_is_named(name: str) -> None:
    attributes = {key: value for key, value in ATTRIBUTES.items() if key != name}
    failure = arrival_of_message("77", attributes, PAYLOAD)
    assert isinstance(failure, Failure)
    assert failure.error is ErrorWord.MALFORMED_MESSAGE
    assert name in failure.message
    names_an_object = name in ("objectGeneration", "eventType")
    assert failure.track.uri == (URI if names_an_object else "")
    assert failure.track.track_id == (track_id_of(URI) if names_an_object else "message:77")
    assert failure.retriable is names_an_object


@pytest.mark.parametrize(
    "payload",
    [
        *(b"{}", b"[]", b"7", b"null", b"\xff", b'{"size": "-1"}', b'{"size": {}}'),
        *(b'{"size": Infinity}', b'{"size": NaN}', b"[" * 100_000),
    ],
)
def test_a_malformed_payload_is_a_failure_that_does_not_quote_it(payload: bytes) -> None:
    failure = arrival_of_message("1", ATTRIBUTES, payload)
    assert isinstance(failure, Failure)
    assert failure.error is ErrorWord.MALFORMED_MESSAGE
    assert (failure.track.uri, failure.retriable) == (URI, True)


_NAMES = (
    st.sampled_from([*ATTRIBUTES, "content-type", *(f"ce-{name}" for name in ("type", "source", "subject"))])
    | st.text()
)


@given(st.dictionaries(_NAMES, st.text() | st.sampled_from(list(ATTRIBUTES.values()))), st.binary())
def test_whatever_is_published_is_a_track_a_failure_or_nothing(
    attributes: dict[str, str], payload: bytes
) -> None:
    assert isinstance(arrival_of_message("1", attributes, payload), Track | Failure | None)


@given(
    st.recursive(
        st.none() | st.integers() | st.text() | st.floats(),
        lambda inner: st.dictionaries(st.just("size"), inner),
    )
)
def test_whatever_json_is_published_is_a_track_or_a_failure(resource: object) -> None:
    assert isinstance(arrival_of_message("1", ATTRIBUTES, json.dumps(resource).encode()), Track | Failure)
