"""What shifts come to in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from tonearm.learning.drift.judging import JudgedDay, Shift, Watched

_NAMED = 8
"""Tags that a sentence names at most."""


def headline(days: Sequence[JudgedDay]) -> str:
    """The whole in one sentence.

    >>> headline([])
    'There is no day to judge.'
    """
    judged = [day for day in days if not day.left_out]
    alarmed = [day for day in judged if day.alarms]
    if not days:
        return "There is no day to judge."
    if not judged:
        return "Too few tracks came to judge any day by."
    if not alarmed:
        return "The day is as those before." if len(judged) == 1 else "All days are as those before."
    if len(judged) == 1:
        return f"{name_of(alarmed[0])} differs from the days before."
    verb = "differs" if len(alarmed) == 1 else "differ"
    return f"{len(alarmed)} of {len(judged)} days {verb} from those before."


def name_of(day: JudgedDay) -> str:
    """A day, and its value in the column that days are told apart by."""
    return f"{day.day} {day.part}".strip()


def sentences_of(day: JudgedDay) -> list[str]:
    """What a day's alarms say, each sentence complete in itself."""
    others = [shift for shift in day.alarms if shift.watched in _SENTENCES]
    told = [_SENTENCES[shift.watched](shift) for shift in others]
    return [*_of_tags(day.alarms), *_of_all_tags(day.most_shifted_tags), *told]


def _of_tags(alarms: Sequence[Shift]) -> Iterator[str]:
    tags = [shift for shift in alarms if shift.watched is Watched.TAG]
    for is_higher, told in ((True, "higher"), (False, "lower")):
        some = [shift for shift in tags if (shift.shift > 0) is is_higher]
        if some:
            more = f" and {len(some) - _NAMED} more" if len(some) > _NAMED else ""
            yield f"Scores are {told} for " + ", ".join(map(_of_tag, some[:_NAMED])) + f"{more}."


def _of_all_tags(tags: Sequence[Shift]) -> Iterator[str]:
    if tags:
        yield "All tags together are others. Most moved " + ", ".join(map(_of_tag, tags)) + "."


def _of_tag(shift: Shift) -> str:
    return f"{shift.name} (median {_beside(shift, '.2g')})"


def _beside(shift: Shift, form: str, unit: str = "") -> str:
    """What is now, and what was before."""
    now, before = (f"{value or 0.0:{form}}{unit}" for value in (shift.now, shift.before))
    return f"{now}, before {before}"


def _of_level(shift: Shift) -> str:
    told = "louder" if shift.shift > 0 else "quieter"
    return f"Tracks are {told}: median level {_beside(shift, '.1f', ' dB')}."


def _of_duration(shift: Shift) -> str:
    told = "longer" if shift.shift > 0 else "shorter"
    return f"Tracks are {told}: median {_beside(shift, '.0f', ' s')}."


def _of_truncated(shift: Shift) -> str:
    return f"Not heard whole: {_beside(shift, '.0%')} of the tracks."


def _of_failure(shift: Shift) -> str:
    return f"Failed as {shift.name}: {_beside(shift, '.0%')} of the tracks."


_SENTENCES: Mapping[Watched, Callable[[Shift], str]] = {
    Watched.LEVEL: _of_level,
    Watched.DURATION: _of_duration,
    Watched.TRUNCATED: _of_truncated,
    Watched.FAILURE: _of_failure,
}
