"""Objects and their generations: listing many, looking one up, fetching one for the decoders."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, Protocol

from transforms.audio_format import identify
from transforms.failure import ErrorWord, Stage, TrackError
from transforms.naming import claims_to_be_audio
from transforms.track import Track

PIECE_BYTES = 8 << 20
"""Objects are fetched in pieces of this size: one request for a track of usual length."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as the storage describes it, without its content."""

    uri: str
    generation: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class FetchedTrack:
    """A track's bytes, whole and at one generation, at a path that a decoder can open."""

    path: str
    content_sha256: str


Listed = StoredObject | tuple[str, TrackError]
"""An object of a listing, or the URI of one that cannot be looked at and why."""


class Storage(Protocol):
    """One kind of storage; safe to use from several threads."""

    def list_objects(self, pattern: str) -> Iterator[Listed]:
        """Objects below a folder or prefix, or matching a glob, in a stable order.

        Raises:
            TrackError: The listing as a whole is refused or broke off.
        """

    def look_up(self, uri: str) -> StoredObject:
        """Ask for an object's generation and size.

        Raises:
            TrackError: ``not_found``, ``forbidden`` or ``unreadable``.
        """

    def read(self, found: StoredObject) -> Iterator[bytes]:
        """An object's bytes at its generation, in bounded pieces, retried on passing faults.

        Raises:
            TrackError: ``not_found``, ``forbidden``, ``unreadable``, or ``changed`` if the object is no
                longer at that generation.
        """


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
            from transforms.storage_local import LocalStorage

            return LocalStorage()
        case "gs":
            from transforms.storage_gcs import GoogleStorage

            return GoogleStorage()
        case "s3":
            from transforms.storage_s3 import S3Storage

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


@contextmanager
def fetched(track: Track, max_track_bytes: int) -> Iterator[FetchedTrack]:
    """Hold a track's bytes for decoding; nothing of them is left behind, not even after a kill.

    Args:
        track: The track, with the generation that was announced.
        max_track_bytes: Larger objects are refused before they are read.

    Raises:
        TrackError: As :meth:`Storage.read`, and ``too_large``; ``not_audio`` if a listing came upon an
            object that neither is audio nor claims to be, after its first piece.
    """
    found = StoredObject(track.uri, track.generation, track.size_bytes or 0)
    if found.size_bytes > max_track_bytes:
        message = f"{found.size_bytes} bytes are more than --max_track_bytes={max_track_bytes}"
        raise TrackError(Stage.FETCH, ErrorWord.TOO_LARGE, message)
    pieces = storage_of(track.uri).read(found)
    if "://" not in track.uri:
        yield FetchedTrack(track.uri, _digest_of(pieces))
        return
    # The file has no name: it vanishes with the process, and decoders reach it by its descriptor.
    with tempfile.TemporaryFile(prefix="tonearm-") as file:
        digest = _digest_of(_spooled(_audio_only(pieces, track), file))
        yield FetchedTrack(f"/proc/self/fd/{file.fileno()}", digest)


def _digest_of(pieces: Iterator[bytes]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def _spooled(pieces: Iterator[bytes], file: IO[bytes]) -> Iterator[bytes]:
    """Write pieces to a file as they pass."""
    try:
        for piece in pieces:
            file.write(piece)
            yield piece
        file.flush()
    except OSError as error:
        reason = f"{tempfile.gettempdir()}: {os.strerror(error.errno or 0)}"
        raise TrackError(Stage.FETCH, ErrorWord.UNREADABLE, reason, retriable=True) from error


def _audio_only(pieces: Iterator[bytes], track: Track) -> Iterator[bytes]:
    """Give up on a cover image after its first piece."""
    for number, piece in enumerate(pieces):
        if number == 0 and not (track.named or claims_to_be_audio(track.uri)) and identify(piece) is None:
            raise TrackError(Stage.FETCH, ErrorWord.NOT_AUDIO, "the bytes are of no known audio format")
        yield piece


def changed() -> TrackError:
    """The object is no longer what was announced."""
    message = "the object changed after it was announced; the next run takes the new one"
    return TrackError(Stage.FETCH, ErrorWord.CHANGED, message, retriable=True)


def folder_of(location: str) -> str:
    """The folder that relative names in a file at this location are meant from."""
    if "://" in location:
        return location.rsplit("/", 1)[0]
    return str(Path(location).absolute().parent)
