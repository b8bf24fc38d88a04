"""Progress of a command that works track after track: a bar in a terminal, else a line every half minute."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from tonearm.pipelines.reports.printing import say

_SECONDS_BETWEEN_LINES = 30

OnTrack = Callable[[int, int | None, int], None]
"""``on_track(done, total, failed)``"""


@contextmanager
def track_progress() -> Iterator[OnTrack]:
    """Show progress on standard error for as long as the block lasts.

    Yields:
        To be told of each track that has an outcome.
    """
    console = Console(stderr=True)
    if not console.is_terminal or console.is_dumb_terminal:
        yield _Lines().on_track
        return
    columns = (BarColumn(), TextColumn("{task.fields[told]}"), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=None, told="loading")

        def on_track(done: int, total: int | None, failed: int) -> None:
            progress.update(task, completed=done, total=total, told=_told(done, total, failed))

        yield on_track


class _Lines:
    """A line now and then."""

    def __init__(self) -> None:
        self._begun = self._said = time.monotonic()

    def on_track(self, done: int, total: int | None, failed: int) -> None:
        now = time.monotonic()
        if now - self._said < _SECONDS_BETWEEN_LINES:
            return
        self._said = now
        left = f", {(total - done) * (now - self._begun) / done / 60:.0f} min left" if total else ""
        say(_told(done, total, failed) + left)


def _told(done: int, total: int | None, failed: int) -> str:
    """What is done so far.

    >>> _told(1200, 5000, 3), _told(12, None, 0)
    ('1,200/5,000 tracks, 3 failed', '12 tracks')
    """
    of_total = f"{done:,}" if total is None else f"{done:,}/{total:,}"
    return f"{of_total} tracks" + (f", {failed:,} failed" if failed else "")
