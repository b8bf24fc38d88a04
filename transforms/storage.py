"""Objects and their generations: looking one up, listing many, fetching one for the decoders."""

from __future__ import annotations

import glob
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from transforms.failure import ErrorWord, Stage, TrackError
from transforms.track import Track

PIECE_BYTES = 1 << 20
"""Objects are read in pieces of this size."""

DEFAULT_MAX_TRACK_BYTES = 4 << 30
"""Four GiB holds ten hours of 16-bit stereo at 48 kHz, uncompressed."""


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


def list_objects(pattern: str) -> Iterator[str]:
    """URIs of the files below a folder or matching a glob, in a stable order.

    Args:
        pattern: A folder, a file, or a glob in which ``**`` crosses folders. Hidden files are included.

    Yields:
        Absolute paths, sorted. Links that lead nowhere are listed, so that they are not lost in silence.
    """
    absolute = str(Path(pattern).absolute())
    if Path(absolute).is_dir():
        absolute = f"{glob.escape(absolute)}/**"
    elif Path(absolute).exists():
        absolute = glob.escape(absolute)
    for path in sorted(glob.iglob(absolute, recursive=True, include_hidden=True)):  # noqa: PTH207 - pathlib drops dangling links
        if not Path(path).is_dir():
            yield path


def look_up(uri: str) -> StoredObject:
    """Ask the storage for an object's generation and size.

    Raises:
        TrackError: ``not_found``, ``forbidden`` or ``unreadable``.
    """
    try:
        status = Path(uri).stat()
    except OSError as error:
        raise _storage_error(error) from error
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a device, pipe or socket"
        raise TrackError(Stage.FETCH, ErrorWord.UNREADABLE, f"not a file but {kind}")
    return StoredObject(uri, _local_generation(status), status.st_size)


@contextmanager
def fetched(track: Track, max_track_bytes: int) -> Iterator[FetchedTrack]:
    """Hold a track's bytes for decoding; nothing of them is left behind.

    Args:
        track: The track, with the generation that was announced.
        max_track_bytes: Larger objects are refused before they are read.

    Raises:
        TrackError: ``not_found``, ``forbidden``, ``unreadable``, ``too_large``, or ``changed`` if the
            object is no longer at the announced generation.
    """
    found = look_up(track.uri)
    if found.generation != track.generation:
        raise TrackError(
            Stage.FETCH,
            ErrorWord.CHANGED,
            "the object changed after it was announced; the next run takes the new one",
            retriable=True,
        )
    if found.size_bytes > max_track_bytes:
        raise TrackError(
            Stage.FETCH,
            ErrorWord.TOO_LARGE,
            f"{found.size_bytes} bytes are more than --max_track_bytes={max_track_bytes}",
        )
    try:
        digest = _sha256(track.uri)
    except OSError as error:
        raise _storage_error(error) from error
    yield FetchedTrack(track.uri, digest)


def _sha256(path: str) -> str:
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def _local_generation(status: os.stat_result) -> str:
    return f"{status.st_mtime_ns}-{status.st_size}"


def _storage_error(error: OSError) -> TrackError:
    """Sort an operating-system error into one of the stable words."""
    reason = error.strerror or type(error).__name__
    match error:
        case FileNotFoundError() | NotADirectoryError():
            return TrackError(Stage.FETCH, ErrorWord.NOT_FOUND, reason, retriable=True)
        case PermissionError():
            return TrackError(Stage.FETCH, ErrorWord.FORBIDDEN, reason, retriable=True)
        case _:
            return TrackError(Stage.FETCH, ErrorWord.UNREADABLE, reason, retriable=True)
