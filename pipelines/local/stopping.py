"""How a run on this machine answers Ctrl-C and SIGTERM: tracks in flight are finished and committed."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tonearm.errors import StoppedError
from tonearm.pipelines.runs.first_signal import first_signal_answered

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

    def answer(self, number: signal.Signals) -> None:
        """Answer the first signal.

        Raises:
            StoppedError: No track is taken yet.
        """
        self.number = number
        if self.stop is None:
            raise StoppedError(self.number)
        _logger.warning("stopping: tracks in flight are finished and committed; again to stop at once")
        self.stop()


@contextmanager
def stop_signals_answered() -> Iterator[StopSignals]:
    """Answer SIGINT and SIGTERM for as long as the block lasts."""
    signals = StopSignals()
    with first_signal_answered(signals.answer):
        yield signals
