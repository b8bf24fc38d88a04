"""Notifications of Cloud Storage become tracks; whatever else is published does no harm."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonearm.transforms.elements.failure import ErrorWord, Failure
from tonearm.transforms.elements.track import Track
from tonearm.transforms.sources.listing import track_id_of
from tonearm.transforms.sources.notification import NotificationFilter, arrival_of_message

ALL = NotificationFilter()
ATTRIBUTES = {
    "eventType": "OBJECT_FINALIZE",
    "bucketId": "catalog",
    "objectId": "in/ä b?.flac",
    "objectGeneration": "1700000000000001",
    "payloadFormat": "JSON_API_V1",
}
PAYLOAD = json.dumps({"kind": "storage#object", "size": "4711"}).encode()


def test_a_new_object_is_a_track_at_its_generation() -> None:
    uri = "gs://catalog/in/ä b?.flac"
    expected = Track(track_id_of(uri), uri, "1700000000000001", 4711)
    assert arrival_of_message("1", ATTRIBUTES, PAYLOAD, ALL) == expected


@pytest.mark.parametrize("event", ["OBJECT_DELETE", "OBJECT_METADATA_UPDATE", "OBJECT_ARCHIVE", "NEW_ONE"])
def test_other_events_are_of_no_interest(event: str) -> None:
    assert arrival_of_message("1", ATTRIBUTES | {"eventType": event}, b"", ALL) is None


def test_a_folder_marker_is_no_track() -> None:
    assert arrival_of_message("1", ATTRIBUTES | {"objectId": "in/"}, PAYLOAD, ALL) is None


@pytest.mark.parametrize(
    ("prefixes", "suffixes", "taken"),
    [
        ((), (), True),
        (("gs://catalog/in/",), (), True),
        (("gs://other/", "gs://catalog/"), (), True),
        (("gs://catalog/out/",), (), False),
        ((), (".FLAC",), True),
        ((), (".mp3", ".ogg"), False),
        (("gs://catalog/in/",), (".mp3",), False),
    ],
)
def test_prefixes_and_suffixes(prefixes: tuple[str, ...], suffixes: tuple[str, ...], taken: bool) -> None:
    announced = arrival_of_message("1", ATTRIBUTES, PAYLOAD, NotificationFilter(prefixes, suffixes))
    assert (announced is not None) is taken


@pytest.mark.parametrize("name", ["bucketId", "objectId", "objectGeneration", "eventType"])
def test_a_lacking_attribute_is_named(name: str) -> None:
    attributes = {key: value for key, value in ATTRIBUTES.items() if key != name}
    failure = arrival_of_message("77", attributes, PAYLOAD, ALL)
    assert isinstance(failure, Failure)
    assert failure.error is ErrorWord.MALFORMED_MESSAGE
    assert failure.track.track_id == "message:77"
    assert name in failure.message
    assert not failure.retriable


@pytest.mark.parametrize(
    "payload",
    [
        *(b"", b"{}", b"[]", b"7", b"null", b"\xff", b'{"size": "-1"}', b'{"size": {}}'),
        *(b'{"size": Infinity}', b'{"size": NaN}', b"[" * 100_000),
    ],
)
def test_a_malformed_payload_is_a_failure_that_does_not_quote_it(payload: bytes) -> None:
    failure = arrival_of_message("1", ATTRIBUTES, payload, ALL)
    assert isinstance(failure, Failure)
    assert failure.error is ErrorWord.MALFORMED_MESSAGE


_NAMES = st.sampled_from(list(ATTRIBUTES)) | st.text()


@given(st.dictionaries(_NAMES, st.text() | st.sampled_from(list(ATTRIBUTES.values()))), st.binary())
def test_whatever_is_published_is_a_track_a_failure_or_nothing(
    attributes: dict[str, str], payload: bytes
) -> None:
    assert isinstance(arrival_of_message("1", attributes, payload, ALL), Track | Failure | None)


@given(
    st.recursive(
        st.none() | st.integers() | st.text() | st.floats(),
        lambda inner: st.dictionaries(st.just("size"), inner),
    )
)
def test_whatever_json_is_published_is_a_track_or_a_failure(resource: object) -> None:
    assert isinstance(
        arrival_of_message("1", ATTRIBUTES, json.dumps(resource).encode(), ALL), Track | Failure
    )
