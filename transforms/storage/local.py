"""Files on this machine."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from tonearm.transforms.elements.failure import ErrorWord, Stage, TrackError
from tonearm.transforms.storage.contract import Listed, StoredObject, changed

_PIECE_BYTES = 1 << 18
"""Stays in the cache between reading and hashing, and its memory is used again: a fetch takes a quarter
less processor time than with 8 MiB."""


class LocalStorage:
    """A disk; a file's generation is its modification time and size."""

    def list_objects(self, pattern: str) -> Iterator[Listed]:
        """Files as absolute paths, sorted; links that lead nowhere too, lest they be lost in silence."""
        for path in local_paths(pattern):
            try:
                yield self.look_up(path)
            except TrackError as error:
                yield path, error

    def look_up(self, uri: str) -> StoredObject:
        """See :class:`Storage`."""
        try:
            status = Path(uri).stat()
        except OSError as error:
            raise _storage_error(error) from error
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a device, pipe or socket"
            raise TrackError(Stage.FETCH, ErrorWord.UNREADABLE, f"not a file but {kind}")
        return StoredObject(uri, f"{status.st_mtime_ns}-{status.st_size}", status.st_size)

    def read(self, found: StoredObject) -> Iterator[bytes]:
        """See :class:`Storage`."""
        if self.look_up(found.uri).generation != found.generation:
            raise changed()
        try:
            with Path(found.uri).open("rb") as file:
                while piece := file.read(_PIECE_BYTES):
                    yield piece
        except OSError as error:
            raise _storage_error(error) from error


def local_paths(pattern: str) -> Iterator[str]:
    """Paths that a folder, file or glob names; hidden files are included."""
    absolute = os.path.abspath(pattern)  # noqa: PTH100 - resolves "..", not links
    if Path(absolute).is_dir():
        absolute = f"{glob.escape(absolute)}/**"
    elif Path(absolute).exists():
        absolute = glob.escape(absolute)
    paths = glob.iglob(absolute, recursive=True, include_hidden=True)  # noqa: PTH207 - pathlib drops dangling links
    yield from (path for path in sorted(paths) if not Path(path).is_dir())


def _storage_error(error: OSError) -> TrackError:
    """Sort an operating-system error into one of the stable words."""
    reason = error.strerror or type(error).__name__
    match error:
        case FileNotFoundError() | NotADirectoryError():
            word = ErrorWord.NOT_FOUND
        case PermissionError():
            word = ErrorWord.FORBIDDEN
        case _:
            word = ErrorWord.UNREADABLE
    return TrackError(Stage.FETCH, word, reason, retriable=True)
