"""The registry of storage schemes: which implementation serves a path or URL."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from urllib.parse import quote, unquote_to_bytes, urlsplit

from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.storage.contract import Listed, Storage, StorageError, StoredObject

LOCAL = ""
"""The scheme of a path."""

_IMPLEMENTATIONS = {
    LOCAL: "tonearm.transforms.storage.local:LocalStorage",
    "gs": "tonearm.transforms.storage.gcs:GoogleStorage",
    "s3": "tonearm.transforms.storage.s3:S3Storage",
}
"""Module and class by scheme; loaded when the scheme is met, as client libraries take long to load.

How to add one is told in ``contract``.
"""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://|(file):/", re.I)
"""Of files there are URLs with one slash, as Java and Spark write them."""


def scheme_of(location: str) -> str:
    """The scheme of a URL in lower case; :data:`LOCAL` for a path, even one that holds ``://`` further on.

    Example:
        >>> scheme_of("GS://bucket/a.mp3"), scheme_of("/music/AC://DC/a.mp3")
        ('gs', '')
    """
    found = _SCHEME.match(location)
    return (found[1] or found[2]).lower() if found else LOCAL


def is_local(location: str) -> bool:
    """True if a location is a path on this machine's disks."""
    return scheme_of(location) == LOCAL


def is_object_url(location: str) -> bool:
    """True for a URL of a store that serves here, whose names may hold any character, such as ``?``."""
    return not is_local(location) and scheme_of(location) in _IMPLEMENTATIONS


def normal_location(location: str) -> str:
    """A location as the storages know it: ``file:`` URLs become paths, schemes lower case.

    Raises:
        StorageError: ``unreadable`` for a ``file://`` URL of another host, or a store's without a bucket.

    Example:
        >>> normal_location("file:///music/a%20b.mp3"), normal_location("file:/m"), normal_location("a%20b")
        ('/music/a b.mp3', '/m', 'a%20b')
    """
    scheme = scheme_of(location)
    if scheme == "file":
        return _path_of(location)
    if scheme == LOCAL:
        return location
    if scheme in _IMPLEMENTATIONS and location[len(f"{scheme}://") :][:1] in ("", "/"):
        message = f"it names no bucket; write {scheme}://BUCKET/…"
        raise StorageError(ErrorWord.UNREADABLE, message, retriable=False)
    return scheme + location[len(scheme) :]


def _path_of(url: str) -> str:
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost"):
        message = f"file://{parts.netloc}/ is another machine; of this one, give a path or file:///…"
        raise StorageError(ErrorWord.UNREADABLE, message, retriable=False)
    # A path may hold a question mark or number sign that whoever wrote the URL forgot to encode.
    path = url[len("file:") :].removeprefix(f"//{parts.netloc}")
    return os.fsdecode(unquote_to_bytes(path.encode("utf-8", "surrogateescape")))


def storage_of(location: str) -> Storage:
    """The storage that serves a path or URL.

    Raises:
        StorageError: ``unreadable`` for a scheme that no storage serves, ``forbidden`` if there are no
            credentials for it.
    """
    return _storage(scheme_of(location))


def forget_storages() -> None:
    """Make clients anew when they are next needed: credentials or servers are others now."""
    _storage.cache_clear()


@cache
def _storage(scheme: str) -> Storage:
    """Clients are costly to make and keep their connections: one for each process."""
    if scheme not in _IMPLEMENTATIONS:
        known = ", ".join(f"{name}://" for name in _IMPLEMENTATIONS if name != LOCAL)
        message = f"no storage for {scheme}://; use a path or one of {known}"
        raise StorageError(ErrorWord.UNREADABLE, message, retriable=False)
    module, name = _IMPLEMENTATIONS[scheme].split(":")
    storage: Storage = getattr(import_module(module), name)()
    return storage


def look_up(uri: str) -> StoredObject:
    """See :meth:`Storage.look_up`."""
    return storage_of(uri).look_up(uri)


def list_objects(location: str) -> Iterator[Listed]:
    """What a location names: objects as it is written or, if there are none, what it matches as a glob.

    Yields:
        Objects in the same order at every call; none if the location names nothing.
    """
    storage, is_empty = storage_of(location), True
    for listed in storage.list_as_written(location):
        is_empty = False
        yield listed
    if is_empty:
        yield from storage.list_matching(location)


def stored_uri(uri: str) -> str:
    r"""A track's URI as tables store it, by which the track is found again: ``normal_location`` reads it.

    A path whose bytes are no UTF-8 is a ``file://`` URL, as U+FFFD would stand for any byte.

    Example:
        >>> stored_uri("/music/caf\udce9 1.mp3"), stored_uri("/music/café 1.mp3")
        ('file:///music/caf%E9%201.mp3', '/music/café 1.mp3')
    """
    path = os.fsencode(uri)
    text = path.decode("utf-8", "replace")
    return f"file://{quote(path)}" if is_local(uri) and os.fsencode(text) != path else text
