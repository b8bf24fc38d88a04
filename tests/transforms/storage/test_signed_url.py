"""What grants access is cut out of URLs; what does not stays."""

from __future__ import annotations

import pytest

from tonearm.transforms.storage.signed_url import location_of, without_signature


@pytest.mark.parametrize(
    ("uri", "stored"),
    [
        ("https://host/a.mp3?X-Goog-Signature=s", "https://host/a.mp3"),
        ("https://host/a.mp3?page=2", "https://host/a.mp3"),
        ("https://user:secret@host/a.mp3", "https://host/a.mp3"),
        ("gs://bucket/what?.mp3", "gs://bucket/what?.mp3"),
        ("gs://bucket/a.mp3?x=1&X-Goog-Signature=s", "gs://bucket/a.mp3"),
        ("s3://bucket/a.mp3?X-Amz-Credential=c", "s3://bucket/a.mp3"),
        ("/music/what?token=1.mp3", "/music/what?token=1.mp3"),
    ],
)
def test_a_uri_is_stored_without_what_grants_access(uri: str, stored: str) -> None:
    assert location_of(uri) == stored


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("see https://h/a?sig=s, or https://h/?q=2", "see https://h/a or https://h/?q=2"),
        ('{"cover": "https://h/c.jpg?Signature=s"}', '{"cover": "https://h/c.jpg"}'),
        ("token=7 is no URL", "token=7 is no URL"),
        ("what? a design=plan", "what? a design=plan"),
        ("https://h/?design=plan", "https://h/?design=plan"),
    ],
)
def test_text_keeps_all_but_signatures(text: str, kept: str) -> None:
    assert without_signature(text) == kept
