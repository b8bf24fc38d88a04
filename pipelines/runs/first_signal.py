"""Ctrl-C and SIGTERM: the first one is answered in good order, a second one ends the process at once."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_STOPPING = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def first_signal_answered(answer: Callable[[signal.Signals], None]) -> Iterator[None]:
    """Answer the first SIGINT or SIGTERM that comes while the block lasts.

    Args:
        answer: Called in the main thread with the signal; what it raises is raised there.
    """

    def handle(number: int, frame: FrameType | None) -> None:
        for each in _STOPPING:
            signal.signal(each, signal.SIG_DFL)
        answer(signal.Signals(number))

    before = {each: signal.signal(each, handle) for each in _STOPPING}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
