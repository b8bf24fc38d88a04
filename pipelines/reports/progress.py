"""Progress of a run on standard error: a bar in a terminal, else a line every half minute."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from tonearm.pipelines.reports.printing import say
from tonearm.transforms.tagging.counting import LIVE

_SECONDS_BETWEEN_LINES = 30
"""Where no terminal is, progress comes as a line this often."""

_WIDTH_OF_BAR = 75
"""Columns; in a narrower terminal the numbers beside the bar would be cut off, so lines are printed."""


@contextmanager
def progress_shown(skipped: Callable[[], int], total: int | None) -> Iterator[None]:
    """Show progress for as long as the block lasts: a bar in a terminal, elsewhere a line now and then.

    Args:
        skipped: Tells how many tracks were left out so far.
        total: Tracks that will be seen; None if nobody knows.
    """
    LIVE.reset()
    ended = threading.Event()
    console = Console(stderr=True)
    can_redraw = console.is_terminal and not console.is_dumb_terminal and console.width >= _WIDTH_OF_BAR
    show = _show_bar if can_redraw else _show_lines
    thread = threading.Thread(target=show, args=(skipped, total, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _show_bar(skipped: Callable[[], int], total: int | None, ended: threading.Event) -> None:
    columns = (
        BarColumn(),
        TextColumn("{task.fields[done]} tracks"),
        TextColumn("{task.fields[failed]:,} failed"),
        TextColumn("{task.fields[rate]:.1f} tracks/min"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    begun = time.monotonic()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("ingest", total=total, done="0", failed=0, rate=0.0)
        while not ended.wait(0.2):
            done, rate = _pace(skipped(), begun)
            progress.update(task, completed=done, done=_of_total(done, total), failed=LIVE.failed, rate=rate)


def _show_lines(skipped: Callable[[], int], total: int | None, ended: threading.Event) -> None:
    begun = time.monotonic()
    while not ended.wait(_SECONDS_BETWEEN_LINES):
        done, rate = _pace(skipped(), begun)
        left = f", {(total - done) / rate:.0f} min left" if total and rate else ""
        message = f"{_of_total(done, total)} tracks, {LIVE.failed:,} failed, {rate:.1f} tracks/min{left}"
        say(message)


def _of_total(done: int, total: int | None) -> str:
    """Tracks done, and of how many if that is known.

    >>> _of_total(1200, 5000), _of_total(1200, None)
    ('1,200/5,000', '1,200')
    """
    return f"{done:,}" if total is None else f"{done:,}/{total:,}"


def _pace(skipped: int, begun: float) -> tuple[int, float]:
    """Tracks with an outcome so far, and tracks worked per minute."""
    worked = LIVE.tagged + LIVE.failed
    minutes = (time.monotonic() - begun) / 60
    return worked + skipped, worked / minutes if minutes > 0 else 0.0
