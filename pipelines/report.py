"""What people see of a run: progress while it lasts, and the reconciled summary at its end."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from pipelines.run_record import RunRecord
from transforms.count import LIVE
from transforms.timing import TIMED_STAGES

_SECONDS_BETWEEN_LINES = 30
"""Where no terminal is, progress comes as a line this often."""


@contextmanager
def progress_shown(record: RunRecord, total: int | None) -> Iterator[None]:
    """Show tracks done and failed, tracks per minute and the time left, on standard error."""
    LIVE.reset()
    ended = threading.Event()
    show = _show_bar if sys.stderr.isatty() else _show_lines
    thread = threading.Thread(target=show, args=(record, total, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _show_bar(record: RunRecord, total: int | None, ended: threading.Event) -> None:
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
            done, rate = _pace(record, begun)
            progress.update(task, completed=done, done=_of_total(done, total), failed=LIVE.failed, rate=rate)


def _show_lines(record: RunRecord, total: int | None, ended: threading.Event) -> None:
    begun = time.monotonic()
    while not ended.wait(_SECONDS_BETWEEN_LINES):
        done, rate = _pace(record, begun)
        left = f", {(total - done) / rate:.0f} min left" if total and rate else ""
        message = f"{_of_total(done, total)} tracks, {LIVE.failed:,} failed, {rate:.1f} tracks/min{left}"
        print(message, file=sys.stderr, flush=True)


def _of_total(done: int, total: int | None) -> str:
    return f"{done:,}" if total is None else f"{done:,}/{total:,}"


def _pace(record: RunRecord, begun: float) -> tuple[int, float]:
    """Tracks settled so far, and tracks worked per minute."""
    worked = LIVE.tagged + LIVE.failed
    minutes = (time.monotonic() - begun) / 60
    return worked + record.n_skipped, worked / minutes if minutes > 0 else 0.0


def print_summary(record: RunRecord, stage_seconds: Mapping[str, float], outputs: Sequence[str]) -> None:
    """Print the counts, why tracks were left out, where the time went and where the tables are."""
    console = Console(highlight=False)
    seconds = max(1e-9, (record.ended or record.started).timestamp() - record.started.timestamp())
    console.print(
        f"seen {record.seen:,} = tagged {record.tagged:,} + skipped {record.n_skipped:,}"
        f" + failed {record.failed:,}   in {_duration(seconds)}"
    )
    for reason, count in sorted(record.skipped.items()):
        if count:
            console.print(f"  skipped, {reason}: {count:,}")
    for word, count in sorted(record.failed_as.items()):
        console.print(f"  failed, {word}: {count:,}")
    if record.tagged:
        _print_split(console, stage_seconds, seconds, record.tagged)
    console.print(f"tables: {', '.join(outputs)}", soft_wrap=True)


def _print_split(console: Console, stage_seconds: Mapping[str, float], seconds: float, tagged: int) -> None:
    worked = sum(stage_seconds.values()) or 1.0
    table = Table("stage", "seconds", "share", box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for stage in TIMED_STAGES:
        spent = stage_seconds.get(stage, 0.0)
        table.add_row(stage, f"{spent:.1f}", f"{spent / worked:.1%}")
    console.print(table)
    console.print(f"{tagged / seconds * 60:.1f} tracks/min")


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return (
        f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"
    )
