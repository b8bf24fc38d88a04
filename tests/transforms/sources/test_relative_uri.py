"""Rows point to what they are meant to, from wherever their manifest lies."""

from __future__ import annotations

import pytest

from tonearm.transforms.sources.relative_uri import absolute_uri
from tonearm.transforms.storage.contract import StorageError


@pytest.mark.parametrize(
    ("uri", "manifest", "meant"),
    [
        ("a.mp3", "/m/new.csv", "/m/a.mp3"),
        ("./x/../a b#?%41.mp3", "/m/new.csv", "/m/a b#?%41.mp3"),
        ("../../a.mp3", "/m/lists/new.csv", "/a.mp3"),
        ("/music/AC://DC.mp3", "/m/new.csv", "/music/AC:/DC.mp3"),
        ("file:///music/a%20b%3F.mp3", "/m/new.csv", "/music/a b?.mp3"),
        ("file://localhost/music/caf%E9.mp3", "gs://b/new.csv", "/music/caf\udce9.mp3"),
        ("a.mp3", "gs://b/new.csv", "gs://b/a.mp3"),
        ("./a.mp3", "s3://b/x/new.csv", "s3://b/x/a.mp3"),
        ("../y//a?.mp3", "s3://b/x/new.csv", "s3://b/y//a?.mp3"),
        ("/music/a.mp3", "s3://b/x/new.csv", "/music/a.mp3"),
        ("GS://other/../a.mp3", "s3://b/x/new.csv", "gs://other/../a.mp3"),
        ("https://host/a.mp3?X-Goog-Signature=s", "/m/new.csv", "https://host/a.mp3"),
    ],
)
def test_a_row_means(uri: str, manifest: str, meant: str) -> None:
    assert absolute_uri(uri, manifest) == meant


@pytest.mark.parametrize(
    ("uri", "complaint"),
    [("../../a.mp3", "leads out of the bucket b"), ("file://nas/a.mp3", "another machine")],
)
def test_what_leads_nowhere_is_refused(uri: str, complaint: str) -> None:
    with pytest.raises(StorageError, match=complaint):
        absolute_uri(uri, "gs://b/x/new.csv")
