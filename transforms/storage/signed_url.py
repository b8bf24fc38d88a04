"""Signed URLs: what grants access in them, taken out before a URL is stored or logged."""

from __future__ import annotations

import re

from tonearm.transforms.storage.schemes import is_local, is_object_url

_SIGNATURE = re.compile(r"[?&](?:x-goog-|x-amz-)?(?:signature|credential|security-token|token|sig)=", re.I)

_URL = re.compile(r"(?P<place>[a-z][a-z0-9+.-]*://[^\s?\"'<>]*)(?P<query>\?[^\s\"'<>]*)?", re.I)

_USER = re.compile(r"(?<=://)[^/@]*@")


def without_signature(text: str) -> str:
    """Text whose URLs have neither a password nor, if it is signed, a query; other text is left alone.

    >>> without_signature("see https://me:secret@host/a.mp3?X-Amz-Signature=1f now")
    'see https://host/a.mp3 now'
    """
    return _URL.sub(_bare, text) if "://" in text else text


def location_of(uri: str) -> str:
    """The URI of a track as it may be stored: a URL of the web without its query, signed or not.

    Names of objects may hold a question mark; there, only a query that is signed is cut off.

    >>> location_of("https://host/a.mp3?session=7"), location_of("gs://bucket/what?.mp3")
    ('https://host/a.mp3', 'gs://bucket/what?.mp3')
    """
    if not is_local(uri) and not is_object_url(uri):
        uri = uri.partition("?")[0]
    return without_signature(uri)


def _bare(url: re.Match[str]) -> str:
    query = url["query"] or ""
    return _USER.sub("", url["place"]) + ("" if _SIGNATURE.search(query) else query)
