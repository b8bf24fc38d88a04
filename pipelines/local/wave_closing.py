"""When a stream's wave closes: waiting for more tracks costs latency and saves files and commits.

How long a wave may stay open at most is ``MAX_WAVE_SECONDS`` in ``pipelines/runs/defaults.py``.
"""

from __future__ import annotations

QUIET_SECONDS = 1.0
"""After a second without an announcement a burst of uploads is taken to be over."""


class WaveClosing:
    """Decides when the arrivals that have gathered are handed to a worker that is ready for them.

    A wave closes as soon as one of these holds:

    - it has tracks enough for a worker's whole share;
    - its first track was announced ``max_wave_seconds`` ago;
    - nothing was announced for ``QUIET_SECONDS``, and no other wave closed short in the last
      ``max_wave_seconds``.

    By the last rule a lone track, a burst, or the rest of a backlog is worked without delay, while a trickle
    of tracks makes no more than one wave per ``max_wave_seconds``. All times are those of ``time.monotonic``.

    Example:
        >>> closing = WaveClosing(max_wave_seconds=10.0)
        >>> closing.note_arrival(100.0)
        >>> closing.is_due(100.5, is_full=False), closing.is_due(101.0, is_full=False)
        (False, True)
        >>> closing.note_arrival(102.0)  # a wave has just closed short: this one waits longer
        >>> closing.due_at
        111.0
    """

    def __init__(self, max_wave_seconds: float) -> None:
        self._max_wave_seconds = max_wave_seconds
        self._first_at = float("inf")
        self._last_at = float("-inf")
        self._short_at = float("-inf")

    def note_arrival(self, announced_at: float) -> None:
        """Count a track in."""
        self._first_at = min(self._first_at, announced_at)
        self._last_at = max(self._last_at, announced_at)

    @property
    def due_at(self) -> float:
        """When the wave closes if nothing further arrives."""
        quiet_at = max(self._last_at + QUIET_SECONDS, self._short_at + self._max_wave_seconds)
        return min(self._first_at + self._max_wave_seconds, quiet_at)

    def is_due(self, now: float, *, is_full: bool) -> bool:
        """True if the wave closes now; the next arrival then begins another one."""
        if not (is_full or now >= self.due_at):
            return False
        if not is_full:
            self._short_at = now
        self._first_at, self._last_at = float("inf"), float("-inf")
        return True
