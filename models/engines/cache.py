"""A folder of things that take long to build: built once on each machine, verified at every use."""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_logger = logging.getLogger(__name__)

_DIGEST_BYTES = hashlib.sha256().digest_size


def cache_folder() -> Path | None:
    """Tonearm's folder for what can be built again: ``$XDG_CACHE_HOME/tonearm`` or ``~/.cache/tonearm``.

    Returns:
        The folder; None if this user has no home. A folder that others may write to would not do, as what
        lies in the cache is run.
    """
    if root := os.environ.get("XDG_CACHE_HOME"):
        return Path(root) / "tonearm"
    try:
        return Path.home() / ".cache" / "tonearm"
    except RuntimeError:  # the variable HOME is not set, and the system knows no such user
        return None


def cached(name: str, build: Callable[[], bytes]) -> bytes:
    """Take an entry from the cache, or build it and leave it there for the next process.

    However many threads and processes ask at once, one builds while the others wait. An entry that is damaged
    is built again. Where there is no folder, or it cannot be written, the entry is built in memory.

    Args:
        name: File name that says exactly what the entry was built from.
        build: Makes the content.

    Returns:
        The content.
    """
    folder = cache_folder()
    if folder is None:
        return build()
    path = folder / name
    content = _read(path)
    if content is not None:
        return content
    try:
        with _locked(path):
            content = _read(path)
            if content is None:
                content = build()
                _write(path, content)
            return content
    except OSError as error:
        _logger.info("no cache at %s (%s)", path.parent, error)
        return build() if content is None else content


def _read(path: Path) -> bytes | None:
    """The entry's content; None if it is missing, unreadable, cut short or changed."""
    try:
        entry = path.read_bytes()
    except OSError:
        return None
    digest, content = entry[:_DIGEST_BYTES], entry[_DIGEST_BYTES:]
    return content if hashlib.sha256(content).digest() == digest else None


def _write(path: Path, content: bytes) -> None:
    """Write an entry, its digest first, so that readers see all of it or nothing."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(hashlib.sha256(content).digest())
            stream.write(content)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold an entry's lock; the kernel frees it when its holder dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
