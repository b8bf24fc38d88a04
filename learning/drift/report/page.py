"""The page of judged days: which differ, in what, and how that went from day to day."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path

from markupsafe import Markup

from tonearm.learning.drift.days import Part, PartOfDay, days_before
from tonearm.learning.drift.judging import DriftSettings, JudgedDay, Shift, Watched
from tonearm.learning.drift.report.curves import curve_of_days
from tonearm.learning.drift.report.words import headline, name_of, sentences_of
from tonearm.learning.pages.rendering import rendered

_TEMPLATE = Path(__file__).with_name("page.html")

_MOST_CURVES = 24
"""Curves of one part; the surest alarms come first."""

Thing = tuple[Watched, str]
"""What is compared: its kind, and its name if there are several of the kind."""


@dataclass(frozen=True, slots=True)
class _Section:
    """Days that are compared with one another: all, or those of one value in a column.

    Attributes:
        part: The value; empty if days are not told apart by a column.
        days: In their order.
        alarmed: What raised an alarm on any day, from the largest shift to the smallest.
        others: What raised none, likewise.
        shifts: The shift of each thing on each day, if there is one.
        curves: What went how, as SVG, of those that raised an alarm, or moved most where all tags did.
    """

    part: str
    days: Sequence[JudgedDay]
    alarmed: Sequence[Thing]
    others: Sequence[Thing]
    shifts: Mapping[tuple[date, Thing], Shift]
    curves: Sequence[tuple[Thing, Markup]]


def page_of(
    tagger: str,
    location: str,
    parts: Mapping[Part, PartOfDay],
    days: Sequence[JudgedDay],
    settings: DriftSettings,
) -> bytes:
    """The page of judged days.

    Args:
        tagger: Whose.
        location: Of the tables, as it may be shown.
        parts: All days, also those that others are compared with.
        days: Those that were judged.
        settings: How.
    """
    return rendered(
        _TEMPLATE,
        tagger=tagger,
        location=location,
        settings=settings,
        headline=headline(days),
        alarmed=[(name_of(day), day, sentences_of(day)) for day in reversed(days) if day.alarms],
        sections=[_section(part, parts, days, settings) for part in dict.fromkeys(day.part for day in days)],
        version=version("tonearm"),
    )


def _section(
    part: str, parts: Mapping[Part, PartOfDay], days: Sequence[JudgedDay], settings: DriftSettings
) -> _Section:
    inside = [day for day in days if day.part == part]
    shifts = {(day.day, _thing(shift)): shift for day in inside for shift in day.shifts}
    largest = _largest_shifts(shifts.values())
    marked = {_thing(shift) for day in inside for shift in day.alarms}
    alarmed, others = ([thing for thing in largest if (thing in marked) is said] for said in (True, False))
    begin = days_before(inside[0].day, settings.reference_days)
    drawn = {day: each for (day, value), each in parts.items() if value == part and day >= begin}
    return _Section(part, inside, alarmed, others, shifts, _curves(inside, list(largest), drawn))


def _largest_shifts(shifts: Iterable[Shift]) -> dict[Thing, float]:
    """The largest shift of each thing on any day, the largest of all first."""
    largest: dict[Thing, float] = {}
    for shift in shifts:
        largest[_thing(shift)] = max(largest.get(_thing(shift), 0.0), abs(shift.shift))
    return dict(sorted(largest.items(), key=lambda item: -item[1]))


def _curves(
    days: Sequence[JudgedDay], things: Sequence[Thing], drawn: Mapping[date, PartOfDay]
) -> list[tuple[Thing, Markup]]:
    alarms: dict[Thing, set[date]] = {}
    for day in days:
        for shift in (*day.alarms, *day.most_shifted_tags):
            alarms.setdefault(_thing(shift), set()).add(day.day)
    chosen = [thing for thing in things if thing in alarms and thing[0] in _VALUES][:_MOST_CURVES]
    return [(thing, Markup(_curve(thing, drawn, alarms[thing]))) for thing in chosen]


def _curve(thing: Thing, drawn: Mapping[date, PartOfDay], marked: Collection[date]) -> str:
    watched, name = thing
    return curve_of_days({day: _VALUES[watched](part, name) for day, part in drawn.items()}, marked)


def _thing(shift: Shift) -> Thing:
    return shift.watched, shift.name


_VALUES: Mapping[Watched, Callable[[PartOfDay, str], Sequence[float]]] = {
    Watched.TAG: lambda part, tag: part.scores.get(tag, []),
    Watched.LEVEL: lambda part, _: part.levels_db,
    Watched.DURATION: lambda part, _: part.durations_s,
    Watched.TRUNCATED: lambda part, _: [part.truncated / part.tracks] if part.tracks else [],
    Watched.FAILURE: lambda part, word: [part.failures[word] / part.tried] if part.tried else [],
}
"""What a day's tracks say of a thing: a number each, or how large a share of them it is."""
