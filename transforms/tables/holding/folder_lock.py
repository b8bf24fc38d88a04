"""The lock on the folder of an output, which falls when its process ends, however it ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from tonearm.transforms.storage.schemes import is_local
from tonearm.transforms.tables.contract import OutputInUseError


@contextmanager
def folder_locked(location: str) -> Iterator[None]:
    """Lock a folder that is there; stores know no locks, and are left alone, as are disks that know none.

    Raises:
        OutputInUseError: Another process has the lock.
    """
    if not is_local(location):
        yield
        return
    folder = os.open(location, os.O_RDONLY)
    try:
        _lock(folder, location)
        yield
    finally:
        os.close(folder)


def _lock(folder: int, location: str) -> None:
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        message = f"{location}: another run is writing there; wait for its end or stop it"
        raise OutputInUseError(message) from error
    except OSError:
        return  # the disk knows no locks
