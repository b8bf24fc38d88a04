"""Reading what a C++ library writes to standard error, where it tells of damage in no other way."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_MOST_BYTES = 4096


@contextmanager
def standard_error_noted() -> Iterator[Callable[[], bytes]]:
    """Have what is written to standard error noted instead; yields what reads the notes so far.

    All threads of the process write there: it is for a process that does nothing else meanwhile.
    """
    notes = os.memfd_create("standard error")
    kept = _duplicate_of_standard_error()
    os.dup2(notes, 2)
    try:
        yield lambda: os.pread(notes, _MOST_BYTES, 0)
    finally:
        if kept is None:
            os.close(2)
        else:
            os.dup2(kept, 2)
            os.close(kept)
        os.close(notes)


def _duplicate_of_standard_error() -> int | None:
    with suppress(OSError):  # a program may run without
        return os.dup(2)
    return None
