"""How a run on this machine answers Ctrl-C and SIGTERM: tracks in flight are finished and committed."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from tonearm.errors import StoppedError

_logger = logging.getLogger(__name__)


class StopSignals:
    """What the first SIGINT or SIGTERM does; the second one ends the process at once.

    Attributes:
        stop: Ends the run in good order. None as long as no track is taken: then the run is given up.
        number: The signal that came; None if none did.
    """

    def __init__(self) -> None:
        self.stop: Callable[[], None] | None = None
        self.number: signal.Signals | None = None

    def answer(self, number: int, frame: FrameType | None) -> None:
        """Answer a signal; a handler for :func:`signal.signal`.

        Raises:
            StoppedError: No track is taken yet.
        """
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_DFL)
        self.number = signal.Signals(number)
        if self.stop is None:
            raise StoppedError(self.number)
        _logger.warning("stopping: tracks in flight are finished and committed; again to stop at once")
        self.stop()


@contextmanager
def stop_signals_answered() -> Iterator[StopSignals]:
    """Answer SIGINT and SIGTERM for as long as the block lasts."""
    signals = StopSignals()
    before = {each: signal.signal(each, signals.answer) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield signals
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
