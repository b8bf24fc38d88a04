"""Objects by path or URL, whatever stores them: written whole, listed, read, moved, deleted.

Tables, manifests and bundles are read and written so; tracks by ``fetch``. Names are literal: a wildcard in
the name of an output is a character like any other.
"""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.storage.contract import PIECE_BYTES, Contents, Storage, StorageError, StoredObject
from tonearm.transforms.storage.schemes import is_local, storage_of


def write_object(location: str, content: bytes | pa.Buffer) -> None:
    """Write an object so that it appears whole or not at all."""
    with _named(location):
        storage_of(location).write(location, bytes(content))


def write_if_absent(location: str, content: bytes) -> Contents | None:
    """Write an object unless there is one; None if there is.

    Of several processes that do so at one moment, one succeeds; see :meth:`Storage.write_if`.
    """
    with _named(location):
        return storage_of(location).write_if(location, content, None)


def write_if_unchanged(location: str, content: bytes, seen: Contents) -> Contents | None:
    """Replace an object unless it is no longer what was seen; None if so.

    Of several processes that do so at one moment, one succeeds; see :meth:`Storage.write_if`.
    """
    with _named(location):
        return storage_of(location).write_if(location, content, seen)


def read_object(location: str) -> Contents | None:
    """A small object as it is now, whole; None if there is none."""
    with _named(location):
        try:
            return storage_of(location).read_whole(location)
        except StorageError as error:
            if error.word is ErrorWord.NOT_FOUND:
                return None
            raise


def read_beginning(location: str, most_bytes: int) -> bytes:
    """An object from its first byte on, and no more than so many of them."""
    storage = storage_of(location)
    found = storage.look_up(location)
    return storage.read_range(found, 0, min(most_bytes, found.size_bytes)) if found.size_bytes else b""


def objects_below(folder: str) -> Iterator[StoredObject]:
    """All objects in a folder and its folders, in the order of their names; none if there is no such folder.

    What vanishes while it is listed is left out.

    Raises:
        StorageError: The folder or an object in it cannot be looked at.
    """
    with _named(folder):
        for listed in storage_of(folder).list_as_written(f"{folder.rstrip('/')}/"):
            if isinstance(listed, StoredObject):
                yield listed
            elif listed[1].word is not ErrorWord.NOT_FOUND:
                raise listed[1]


def files_below(folder: str, ending: str = "") -> list[str]:
    """The paths or URLs of all objects in a folder and its folders, sorted."""
    return sorted(found.uri for found in objects_below(folder) if found.uri.endswith(ending))


def names_below(folder: str, ending: str = "") -> list[str]:
    """The same by their names in the folder, such as ``parts/1.parquet``; it may be a relative path."""
    listed_as = os.path.abspath(folder) if is_local(folder) else folder  # noqa: PTH100 - as storages list
    return [found.removeprefix(listed_as).lstrip("/") for found in files_below(folder, ending)]


@contextmanager
def opened_object(location: str) -> Iterator[BinaryIO]:
    """An object for reading at any place, at one generation; a large one is fetched piece by piece."""
    if is_local(location):
        with Path(location).open("rb") as file:
            yield file
        return
    with _named(location):
        storage = storage_of(location)
        found = storage.look_up(location)
        if found.size_bytes <= PIECE_BYTES:
            yield io.BytesIO(storage.read_whole(location).content)
        else:
            yield io.BufferedReader(_Ranges(storage, found), PIECE_BYTES)


def opened_version(found: StoredObject, buffer_bytes: int) -> BinaryIO:
    """An object for reading at any place, at the generation that is given.

    Args:
        found: The object; every read raises ``StorageError`` ``changed`` if it is another one now.
        buffer_bytes: What one request fetches at least.
    """
    return io.BufferedReader(_Ranges(storage_of(found.uri), found), buffer_bytes)


def joined(folder: str, *names: str) -> str:
    """The path or URL of something in a folder.

    Example:
        >>> joined("gs://bucket/tags/", "runs", "a.parquet")
        'gs://bucket/tags/runs/a.parquet'
    """
    return "/".join((folder.rstrip("/"), *names))


def move(location: str, new_location: str) -> None:
    """Move an object within its bucket or disk; it appears at its new place whole."""
    with _named(location):
        storage_of(location).move(location, new_location)


def delete(locations: Sequence[str]) -> None:
    """Delete objects of one bucket or disk."""
    if locations:
        with _named(locations[0]):
            storage_of(locations[0]).delete(locations)


def delete_folder(folder: str) -> None:
    """Delete all that lies in a folder, and the folder where the storage has such."""
    if not is_local(folder):
        delete(files_below(folder))
    elif Path(folder).exists():
        shutil.rmtree(folder)


@contextmanager
def _named(location: str) -> Iterator[None]:
    """Say in an error which object or folder it is about."""
    try:
        yield
    except StorageError as error:
        message = f"{location}: {error.message}"
        raise StorageError(error.word, message, retriable=error.retriable) from error


class _Ranges(io.RawIOBase):
    """An object's bytes as they are stored, at one generation, at whatever place they are asked for."""

    def __init__(self, storage: Storage, found: StoredObject) -> None:
        self._storage = storage
        self._found = found
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        starts = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._found.size_bytes}
        self._place = max(0, starts[whence] + offset)
        return self._place

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        stop = min(self._place + len(buffer), self._found.size_bytes)
        if stop <= self._place:
            return 0
        piece = self._storage.read_range(self._found, self._place, stop)
        buffer[: len(piece)] = piece
        self._place += len(piece)
        return len(piece)
