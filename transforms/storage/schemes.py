"""The storage that a path or URL names, and what is asked of it by URL."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from tonearm.transforms.elements.failure import ErrorWord, Stage, TrackError
from tonearm.transforms.storage.contract import Listed, Storage, StoredObject


def storage_of(uri: str) -> Storage:
    """The storage that a path or URL names.

    Raises:
        TrackError: ``unreadable`` for a scheme that no storage serves.
    """
    scheme, separator, _ = uri.partition("://")
    return _storage(scheme if separator else "")


@lru_cache(maxsize=8)
def _storage(scheme: str) -> Storage:
    """Clients are costly to make and keep their connections: one a process."""
    match scheme:
        case "":
            from tonearm.transforms.storage.local import LocalStorage

            return LocalStorage()
        case "gs":
            from tonearm.transforms.storage.gcs import GoogleStorage

            return GoogleStorage()
        case "s3":
            from tonearm.transforms.storage.s3 import S3Storage

            return S3Storage()
        case _:
            message = f"no storage for {scheme}://; use a path, gs:// or s3://"
            raise TrackError(Stage.FETCH, ErrorWord.UNREADABLE, message)


def list_objects(pattern: str) -> Iterator[Listed]:
    """See :meth:`Storage.list_objects`."""
    yield from storage_of(pattern).list_objects(pattern)


def look_up(uri: str) -> StoredObject:
    """See :meth:`Storage.look_up`."""
    return storage_of(uri).look_up(uri)


def folder_of(location: str) -> str:
    """The folder that relative names in a file at this location are meant from."""
    if "://" in location:
        return location.rsplit("/", 1)[0]
    return str(Path(location).absolute().parent)
