"""Calls into a C++ library that may write its complaints to standard error, or never come back."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from typing import TypeVar

from tonearm.transforms.audio.decoders.decoder import DecoderError

_LONGEST_CALL_S = 30.0
"""Half of what a worker waits for a sign of its decoder; a block takes some milliseconds."""

_LONGEST_AFTER_COMPLAINT_S = 1.0
_LOOK_S = 0.05
"""Time between two looks at standard error while a call goes on."""

_MOST_NOTED_BYTES = 4096

Result = TypeVar("Result")


class WatchedCalls:
    """Calls of one library, each in a thread that can be left behind.

    Attributes:
        is_stuck: True once a call did not come back: its thread goes on until the process ends, and no
            further call is made.

    Args:
        library: Its name, for messages.
        complaint: What stands in a line on standard error if the library is not content with a file.
    """

    def __init__(self, library: str, complaint: bytes) -> None:
        self._library = library
        self._complaint = complaint
        self.is_stuck = False

    def make(self, call: Callable[[], Result]) -> Result:
        """Make a call; returns what it returns and raises what it raises.

        Raises:
            DecoderError: The library complained, or did not come back.
        """
        if self.is_stuck:
            raise DecoderError(f"{self._library} hangs on an earlier file", retriable=True)
        outcome: Future[Result] = Future()
        with _standard_error_noted() as noted:
            threading.Thread(target=_settle, args=(outcome, call), daemon=True).start()
            self._wait(outcome, noted)
            if self._complaint in noted():
                raise DecoderError(f"{self._library} met damage")
        return outcome.result()

    def _wait(self, outcome: Future[Result], noted: Callable[[], bytes]) -> None:
        """Wait for a call's end; one that goes on long after a complaint has lost its way in the file."""
        waited_s = complained_s = 0.0
        while not wait([outcome], _LOOK_S).done:
            waited_s += _LOOK_S
            complained_s += _LOOK_S if self._complaint in noted() else 0.0
            if complained_s > _LONGEST_AFTER_COMPLAINT_S:
                self.is_stuck = True
                raise DecoderError(f"{self._library} met damage and came to no end")
            if waited_s > _LONGEST_CALL_S:
                self.is_stuck = True
                raise DecoderError(f"{self._library} came to no end in {waited_s:.0f} s", retriable=True)


def _settle(outcome: Future[Result], call: Callable[[], Result]) -> None:
    try:
        outcome.set_result(call())
    except BaseException as error:
        outcome.set_exception(error)


@contextmanager
def _standard_error_noted() -> Iterator[Callable[[], bytes]]:
    """Have what is written to standard error noted instead; yields what reads the notes so far."""
    notes = os.memfd_create("standard error")
    kept = _duplicate_of_standard_error()
    os.dup2(notes, 2)
    try:
        yield lambda: os.pread(notes, _MOST_NOTED_BYTES, 0)
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
