"""Fetching one track's bytes for the decoders."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import Stage, TrackError
from tonearm.transforms.elements.track import Track
from tonearm.transforms.storage.contract import StorageError, StoredObject, changed
from tonearm.transforms.storage.schemes import is_local, storage_of

LookAt = Callable[[bytes, int], None]
"""``look_at(head, size_bytes)`` raises if an object that begins so is not wanted."""


@dataclass(frozen=True, slots=True)
class FetchedTrack:
    """A track's bytes, whole and at one generation, at a path that a decoder can open."""

    path: str
    content_sha256: str


@contextmanager
def fetched(track: Track, max_track_bytes: int, look_at: LookAt | None = None) -> Iterator[FetchedTrack]:
    """Hold a track's bytes for decoding; nothing of them is left behind, not even after a kill.

    Args:
        track: The track, with the generation that was announced.
        max_track_bytes: Larger objects are refused before they are read.
        look_at: Looks at the first bytes before the others are read; what it raises ends the fetch.

    Raises:
        TrackError: As :meth:`Storage.read`, and ``too_large``.
    """
    try:
        with _fetched(track, max_track_bytes, look_at) as file:
            yield file
    except StorageError as error:
        raise fetch_error(error) from error


def fetch_error(error: StorageError) -> TrackError:
    """What a storage refused, as an error of the track that was to be fetched."""
    return TrackError(Stage.FETCH, error.word, error.message, retriable=error.retriable)


@contextmanager
def _fetched(track: Track, max_track_bytes: int, look_at: LookAt | None) -> Iterator[FetchedTrack]:
    found = _as_announced(track)
    if found.size_bytes > max_track_bytes:
        raise _too_large(found.size_bytes, max_track_bytes)
    pieces = storage_of(track.uri).read(found)
    if look_at is not None:
        pieces = _looked_at(pieces, found.size_bytes, look_at)
    if is_local(track.uri):
        yield FetchedTrack(track.uri, _digest_of(pieces))
        return
    # The file has no name: it vanishes with the process, and decoders reach it by its descriptor.
    with tempfile.TemporaryFile(prefix="tonearm-") as file:
        digest = _digest_of(_spooled(pieces, file, max_track_bytes))
        yield FetchedTrack(f"/proc/self/fd/{file.fileno()}", digest)


def _as_announced(track: Track) -> StoredObject:
    """The object as it was announced; its size is asked for where the announcement did not tell."""
    if track.size_bytes is not None:
        return StoredObject(track.uri, track.generation, track.size_bytes)
    found = storage_of(track.uri).look_up(track.uri)
    if found.generation != track.generation:
        raise changed()
    return found


def _digest_of(pieces: Iterator[bytes]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def _too_large(size_bytes: int, max_track_bytes: int) -> TrackError:
    message = f"{size_bytes} bytes are more than --max_track_bytes={max_track_bytes}"
    return TrackError(Stage.FETCH, ErrorWord.TOO_LARGE, message)


def _spooled(pieces: Iterator[bytes], file: IO[bytes], max_track_bytes: int) -> Iterator[bytes]:
    """Write pieces to a file as they pass; what is stored compressed may be larger than was announced."""
    try:
        for piece in pieces:
            file.write(piece)
            if file.tell() > max_track_bytes:
                raise _too_large(file.tell(), max_track_bytes)
            yield piece
        file.flush()
    except OSError as error:
        reason = f"{tempfile.gettempdir()}: {os.strerror(error.errno or 0)}"
        raise TrackError(Stage.FETCH, ErrorWord.UNREADABLE, reason, retriable=True) from error


def _looked_at(pieces: Iterator[bytes], size_bytes: int, look_at: LookAt) -> Iterator[bytes]:
    """Show the first piece before any more are read; of an empty object, nothing."""
    first = next(pieces, b"")
    look_at(first, size_bytes)
    yield first
    yield from pieces
