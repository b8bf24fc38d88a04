"""Files on this machine's disks."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.storage.contract import Contents, Listed, StorageError, StoredObject, changed
from tonearm.transforms.storage.folder_walk import walk
from tonearm.transforms.storage.glob_pattern import GlobPattern, has_wildcard

_PIECE_BYTES = 1 << 18
"""Bytes that are read at once: few enough to stay in the cache until they are hashed. A fetch takes a quarter
less processor time than with 8 MiB."""


_NO_HARD_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)
"""Errors of file systems that give a file no second name (a hard link), such as FAT."""


_HALF_WRITTEN = re.compile(r"\.[0-9a-f]{16}\.part")
"""Names of files that are renamed when they are whole."""


class LocalStorage:
    """A disk; a file's generation is its modification time and size."""

    def list_as_written(self, location: str) -> Iterator[Listed]:
        """See :class:`Storage`; absolute paths. Links that lead nowhere are listed, as errors."""
        path = os.path.abspath(location)  # noqa: PTH100 - resolves "..", not links
        if os.path.isdir(path):  # noqa: PTH112 - the path is text
            yield from (self._listed(*found) for found in walk(path))
        elif os.path.lexists(path):
            yield self._listed(path, None)

    def list_matching(self, pattern: str) -> Iterator[Listed]:
        """See :class:`Storage`; absolute paths."""
        if not has_wildcard(pattern):
            return
        glob = GlobPattern(os.path.normpath(pattern))
        # The working folder's own name may hold wildcards: the glob describes what comes behind it.
        root = os.path.abspath(glob.folder)  # noqa: PTH100
        behind_root = len(root.rstrip("/")) + 1

        def name_of(path: str) -> str:
            return glob.folder + path[behind_root:]

        if os.path.isdir(root):  # noqa: PTH112
            for path, problem in walk(root, lambda folder: glob.may_match_below(name_of(folder))):
                if problem or glob.matches(name_of(path)):
                    yield self._listed(path, problem)

    def _listed(self, path: str, problem: OSError | None) -> Listed:
        if problem:
            return path, _storage_error(problem)
        try:
            return self.look_up(path)
        except StorageError as error:
            return path, error

    def look_up(self, uri: str) -> StoredObject:
        """See :class:`Storage`."""
        with _errors_told():
            return _described(uri, Path(uri).stat())

    def read(self, found: StoredObject) -> Iterator[bytes]:
        """See :class:`Storage`."""
        self._require_unchanged(found, self.look_up(found.uri))  # before it is opened: a pipe would block
        with _errors_told(), Path(found.uri).open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                yield piece
            self._require_unchanged(found, _described(found.uri, os.fstat(file.fileno())))

    def read_range(self, found: StoredObject, start: int, stop: int) -> bytes:
        """See :class:`Storage`."""
        with _errors_told(), Path(found.uri).open("rb") as file:
            self._require_unchanged(found, _described(found.uri, os.fstat(file.fileno())))
            return os.pread(file.fileno(), stop - start, start)

    def read_whole(self, uri: str) -> Contents:
        """See :class:`Storage`."""
        self.look_up(uri)
        with _errors_told(), Path(uri).open("rb") as file:
            return Contents(file.read(), _described(uri, os.fstat(file.fileno())).generation)

    def write(self, uri: str, content: bytes) -> None:
        """See :class:`Storage`; a hidden file is written first and renamed."""
        with _errors_told(), _written_beside(Path(uri), content) as part:
            part.replace(uri)

    def write_if(self, uri: str, content: bytes, seen: Contents | None) -> Contents | None:
        """See :class:`Storage`; the file that is replaced is locked, and compared by its bytes.

        Two writes within a tick of the clock have one modification time.
        """
        with _errors_told():
            if seen is None:
                return _created(Path(uri), content)
            return _exchanged(Path(uri), content, seen)

    def move(self, location: str, new_location: str) -> None:
        """See :class:`Storage`."""
        with _errors_told():
            Path(new_location).parent.mkdir(parents=True, exist_ok=True)
            if os.path.lexists(location) or not os.path.lexists(new_location):
                Path(location).replace(new_location)

    def delete(self, uris: Sequence[str]) -> None:
        """See :class:`Storage`."""
        for uri in uris:
            with _errors_told():
                Path(uri).unlink(missing_ok=True)

    def _require_unchanged(self, announced: StoredObject, present: StoredObject) -> None:
        if present.generation != announced.generation:
            raise changed()


def _described(uri: str, status: os.stat_result) -> StoredObject:
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a device, pipe or socket"
        raise StorageError(ErrorWord.UNREADABLE, f"not a file but {kind}")
    return StoredObject(uri, f"{status.st_mtime_ns}-{status.st_size}", status.st_size)


def delete_half_written(folder: str) -> None:
    """Delete what writes that were killed left in a folder; what is being written is locked, and stays.

    On a disk that knows no locks nobody can tell one from the other, and all stay; so does all that this
    account may not delete.
    """
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _HALF_WRITTEN.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                with suppress(OSError):  # it is being written, or gone by now
                    _delete_unless_locked(Path(entry.path))


def _delete_unless_locked(part: Path) -> None:
    # Open for writing, as network disks lock no file that is only read.
    with part.open("rb+") as file, _locked(file, fcntl.LOCK_EX | fcntl.LOCK_NB):
        part.unlink(missing_ok=True)


@contextmanager
def _written_beside(target: Path, content: bytes) -> Iterator[Path]:
    """A file with this content beside the one that it is to become; gone afterwards.

    It is locked meanwhile, so that nobody takes it for what a killed process left.
    """
    part, file = _begun_beside(target)
    with file:
        try:
            file.write(content)
            file.flush()
            yield part
        finally:
            part.unlink(missing_ok=True)
            _unlock(file)


def _begun_beside(target: Path) -> tuple[Path, BinaryIO]:
    """A new file that is locked; one that was taken for a leftover before it was is begun again.

    Who waits here for a lock waits for a deletion, which waits for nothing.
    """
    while True:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{secrets.token_hex(8)}.part")
        file = part.open("xb")
        with suppress(OSError):  # a disk that knows no locks: nothing is deleted there either
            fcntl.flock(file, fcntl.LOCK_EX)
        if part.exists():
            return part, file
        file.close()


@contextmanager
def _locked(file: BinaryIO, how: int) -> Iterator[None]:
    """Lock an open file; the lock falls when the process is killed.

    Raises:
        OSError: Another one has it and is not to be waited for, or the disk knows no locks.
    """
    fcntl.flock(file, how)
    try:
        yield
    finally:
        _unlock(file)


def _unlock(file: BinaryIO) -> None:
    """Unlock a file; to close it is not enough where a process was forked that has it open, too."""
    with suppress(OSError):
        fcntl.flock(file, fcntl.LOCK_UN)


def _created(path: Path, content: bytes) -> Contents | None:
    """Make a file unless there is one."""
    with _written_beside(path, content) as part:
        try:
            path.hardlink_to(part)  # appears whole, and only where there is no such file
        except FileExistsError:
            return _if_same(path, content)
        except OSError as error:
            if error.errno not in _NO_HARD_LINKS:
                raise
            with suppress(FileExistsError), path.open("xb") as file:  # there it may be seen half written
                file.write(content)
            return _if_same(path, content)
        return _contents(part, content)


def _exchanged(path: Path, content: bytes, seen: Contents) -> Contents | None:
    """Replace a file if it still has the content that was seen; others who would do so wait for its lock."""
    with suppress(FileNotFoundError), path.open("rb+") as file, _locked(file, fcntl.LOCK_EX):
        is_in_place = os.path.samestat(os.fstat(file.fileno()), path.stat())
        if not (is_in_place and file.read() == seen.content):
            return _if_same(path, content)
        with _written_beside(path, content) as part:
            written = _contents(part, content)
            part.replace(path)
        return written
    return None


def _if_same(path: Path, content: bytes) -> Contents | None:
    """What is there, if it is what was to be written."""
    return _contents(path, content) if path.read_bytes() == content else None


def _contents(path: Path, content: bytes) -> Contents:
    return Contents(content, _described(str(path), path.stat()).generation)


@contextmanager
def _errors_told() -> Iterator[None]:
    """Turn an operating-system error into the storage's."""
    try:
        yield
    except OSError as error:
        raise _storage_error(error) from error


def _storage_error(error: OSError) -> StorageError:
    """Sort an operating-system error into one of the stable words."""
    reason = error.strerror or type(error).__name__
    match error:
        case FileNotFoundError() | NotADirectoryError():
            word = ErrorWord.NOT_FOUND
        case PermissionError():
            word = ErrorWord.FORBIDDEN
        case _:
            word = ErrorWord.UNREADABLE
    return StorageError(word, reason)
