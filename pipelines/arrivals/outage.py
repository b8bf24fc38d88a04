"""Warnings of outages: one when an outage begins and one every ten minutes, not one at each failed try."""

from __future__ import annotations

import logging
import time

_logger = logging.getLogger(__name__)

_TOLD_AGAIN_SECONDS = 600.0


class Outage:
    """Something that may fail again and again until somebody mends it."""

    def __init__(self) -> None:
        self._told_at: float | None = None
        self._told = ""

    def note(self, message: str) -> None:
        """Warn, unless the same warning was given in the last ten minutes."""
        now = time.monotonic()
        if self._told_at is None or message != self._told or now - self._told_at >= _TOLD_AGAIN_SECONDS:
            _logger.warning("%s", message)
            self._told_at, self._told = now, message

    def over(self) -> None:
        """Note that it works again: the next fault begins another outage."""
        self._told_at = None
