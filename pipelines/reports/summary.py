"""The reconciled summary at a run's end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from tonearm.pipelines.reports.printing import StandardOutputError, printing, say
from tonearm.pipelines.runs.record import RunRecord
from tonearm.transforms.elements.stage_times import TIMED_STAGES
from tonearm.transforms.sources.pending import SkipReason


def print_summary(record: RunRecord, stage_seconds: Mapping[str, float], outputs: Sequence[str]) -> None:
    """Print the counts, why tracks were left out, where the time went and where the tables are."""
    try:
        with printing() as console:
            _print(console, record, stage_seconds, outputs)
    except StandardOutputError as error:
        say(f"tonearm: the run is whole, but its summary is lost: {error}")


def _print(
    console: Console, record: RunRecord, stage_seconds: Mapping[str, float], outputs: Sequence[str]
) -> None:
    seconds = max(1e-9, (record.ended or record.started).timestamp() - record.started.timestamp())
    console.print(
        f"seen {record.seen:,} = {record.done} {record.tagged:,} + skipped {record.n_skipped:,}"
        f" + failed {record.failed:,}   in {_duration(seconds)}"
    )
    for reason, count in sorted(record.skipped.items()):
        if count:
            why = f"already {record.done}" if reason is SkipReason.ALREADY_TAGGED else reason
            console.print(f"  skipped, {why}: {count:,}")
    for word, count in sorted(record.failed_as.items()):
        console.print(f"  failed, {word}: {count:,}")
    if record.shadowed or record.shadows_failed:
        failed = f", {record.shadows_failed:,} failed" if record.shadows_failed else ""
        console.print(f"  tagged by the shadow, too: {record.shadowed:,}{failed}")
    if record.tagged:
        _print_split(console, stage_seconds, seconds, record.tagged)
    console.print(f"tables: {', '.join(outputs)}", soft_wrap=True, markup=False)


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
    """A span of time for people.

    >>> _duration(3.21), _duration(200), _duration(7500)
    ('3.2 s', '3 min 20 s', '2 h 5 min')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return (
        f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"
    )
