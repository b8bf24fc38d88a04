"""Days that differ from those before, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tonearm.learning.drift.judging import JudgedDay, Shift
from tonearm.pipelines.reports.printing import json_for_programs, printing

_MOST_ALARMS = 10
"""Alarms of a day that are printed; JSON has all."""


def print_drift(tagger: str, days: Sequence[JudgedDay], *, as_json: bool) -> None:
    """Print what was judged and what raised an alarm."""
    with printing() as console:
        if as_json:
            told = {"tagger": tagger, "days": [asdict(day) for day in days]}
            text = json_for_programs(told)
            console.print(text, soft_wrap=True, markup=False)
            return
        for day in days:
            _print_day(console, day)
        if not days:
            console.print(f"no track of {tagger} to be judged", markup=False)


def _print_day(console: Console, day: JudgedDay) -> None:
    name = f"{day.day} {day.part}".strip()
    head = f"{name}: {day.tracks:,} tracks, compared with {day.reference_tracks:,}"
    if day.left_out:
        console.print(f"{head}: not judged, {day.left_out}", markup=False)
        return
    alarms = day.alarms
    console.print(f"{head}: {_number_of(alarms)}", markup=False)
    if not alarms:
        return
    table = Table("what", "shift", "by chance", "stability index", box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for shift in alarms[:_MOST_ALARMS]:
        table.add_row(escape(_name(shift)), f"{shift.shift:+.2f}", f"{shift.probability:.1g}", _index(shift))
    console.print(table)
    if tags := day.most_shifted_tags:
        moved = ", ".join(f"{tag.name} {tag.shift:+.2f}" for tag in tags)
        console.print(f"of all tags these moved most: {moved}", markup=False)
    if len(alarms) > _MOST_ALARMS:
        console.print(f"and {len(alarms) - _MOST_ALARMS} more; --json prints all", markup=False)


def _number_of(alarms: Sequence[Shift]) -> str:
    """How many alarms, in words.

    >>> _number_of([])
    'as before'
    """
    return "as before" if not alarms else "1 alarm" if len(alarms) == 1 else f"{len(alarms)} alarms"


def _name(shift: Shift) -> str:
    return f"{shift.watched} {shift.name}".strip()


def _index(shift: Shift) -> str:
    return "" if shift.stability_index is None else f"{shift.stability_index:.2f}"
