"""Judges days by the days before them: which say something else, of which tags, and how sure that is.

A day is compared with a window of earlier days. Of all comparisons of a day those count that chance alone
would bring about no more often than the stated rate, all taken together, and that are large enough to matter.
Tracks of a day count as drawn one by one; a day on which one label delivers its whole catalog is another day
indeed, and is told as such.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

import numpy as np

from tonearm.learning.drift.all_tags import joint_shift
from tonearm.learning.drift.days import Part, PartOfDay, days_before
from tonearm.learning.drift.statistics import rank_shift, share_shift, stability_index, trusted

_NAMED = 5
"""Tags that an alarm of all tags together names."""


class Watched(StrEnum):
    """What is compared."""

    TAG = "tag"
    ALL_TAGS = "all tags"
    DURATION = "duration"
    LEVEL = "level"
    TRUNCATED = "truncated"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class DriftSettings:
    """When a day counts as another one.

    Attributes:
        reference_days: How many days before it a day is compared with, counted by the calendar.
        fewest_tracks: Days with fewer tracks are not judged, nor by fewer tracks before them.
        rate: How often a day without any change may raise an alarm.
        least_shift: Smaller shifts of ranks (-1 to 1) raise none, however sure they are.
        least_share: Smaller differences of shares raise none.
    """

    reference_days: int = 28
    fewest_tracks: int = 20
    rate: float = 0.001
    least_shift: float = 0.2
    least_share: float = 0.02


@dataclass(frozen=True, slots=True)
class Shift:
    """How something differs from the days before.

    Attributes:
        watched: What kind of thing.
        name: The tag, or the word of a failure; else empty.
        shift: From -1 to 1: of ranks for scores, durations and levels, of shares for the others; of all tags
            together see :func:`.all_tags.joint_shift`.
        probability: How often chance alone brings about such a shift, or a larger one, of this one thing.
        now: Median of the day's tracks, or their share; None for all tags together.
        before: The same of the days before.
        stability_index: See :func:`.statistics.stability_index`; None for shares and for all tags together.
        is_alarm: True if it counts.
    """

    watched: Watched
    name: str
    shift: float
    probability: float
    now: float | None = None
    before: float | None = None
    stability_index: float | None = None
    is_alarm: bool = False


@dataclass(frozen=True, slots=True)
class JudgedDay:
    """A day, or the part of one that has some value in a column.

    Attributes:
        day: Which.
        part: The value; empty if days are not told apart by a column.
        tracks: Its tracks that were tagged.
        reference_tracks: Those of the days before.
        shifts: From the surest to the least sure one; empty if there are too few tracks.
        left_out: Why it is not judged; empty if it is.
    """

    day: date
    part: str
    tracks: int
    reference_tracks: int
    shifts: Sequence[Shift] = ()
    left_out: str = ""

    @property
    def alarms(self) -> list[Shift]:
        """The shifts that count."""
        return [shift for shift in self.shifts if shift.is_alarm]

    @property
    def most_shifted_tags(self) -> list[Shift]:
        """Where all tags together raised an alarm: those that moved most, whether surely or not."""
        if not any(shift.watched is Watched.ALL_TAGS for shift in self.alarms):
            return []
        tags = [shift for shift in self.shifts if shift.watched is Watched.TAG]
        return sorted(tags, key=lambda shift: -abs(shift.shift))[:_NAMED]


def judge_days(
    parts: Mapping[Part, PartOfDay], settings: DriftSettings, since: date | None = None
) -> Iterator[JudgedDay]:
    """Judge days in their order.

    Args:
        parts: All days, also those that others are compared with.
        settings: When a day counts as another one.
        since: The first day to judge; None for the last day alone.
    """
    if not parts:
        return
    first = since or max(day for day, _ in parts)
    for (day, value), part in parts.items():
        if day < first:
            continue
        begin = days_before(day, settings.reference_days)
        before = [
            other for (earlier, same), other in parts.items() if begin <= earlier < day and same == value
        ]
        yield _judged(day, value, part, _joined(before), settings)


def _judged(
    day: date, value: str, part: PartOfDay, reference: PartOfDay, settings: DriftSettings
) -> JudgedDay:
    judged = JudgedDay(day, value, part.tracks, reference.tracks)
    fewest = settings.fewest_tracks
    if reference.tried < fewest:
        return replace(
            judged, left_out=f"fewer than {fewest} tracks on the {settings.reference_days} days before"
        )
    if part.tried < fewest:
        return replace(judged, left_out=f"fewer than {fewest} tracks")
    # Half of the rate is for things one by one, half for all tags together.
    one_by_one = list(_shifts(part, reference, fewest))
    together = list(_shift_of_all_tags(part, reference, fewest, settings.rate / 2))
    shifts = [
        replace(shift, is_alarm=is_sure and abs(shift.shift) >= _least(shift, settings))
        for some in (one_by_one, together)
        for shift, is_sure in zip(
            some, trusted([shift.probability for shift in some], settings.rate / 2), strict=True
        )
    ]
    return replace(judged, shifts=sorted(shifts, key=lambda shift: shift.probability))


def _least(shift: Shift, settings: DriftSettings) -> float:
    is_share = shift.watched in (Watched.TRUNCATED, Watched.FAILURE)
    return settings.least_share if is_share else settings.least_shift


def _shifts(part: PartOfDay, reference: PartOfDay, fewest: int) -> Iterator[Shift]:
    for tag, values in part.scores.items():
        yield from _rank_shift(Watched.TAG, tag, values, reference.scores.get(tag, []), fewest)
    yield from _rank_shift(Watched.DURATION, "", part.durations_s, reference.durations_s, fewest)
    yield from _rank_shift(Watched.LEVEL, "", part.levels_db, reference.levels_db, fewest)
    if part.tracks and reference.tracks:
        cut, cut_before = (part.truncated, part.tracks), (reference.truncated, reference.tracks)
        yield _share_shift(Watched.TRUNCATED, "", cut, cut_before)
    for word in sorted(part.failures.keys() | reference.failures.keys()):
        failed = part.failures[word], part.tried
        failed_before = reference.failures[word], reference.tried
        yield _share_shift(Watched.FAILURE, word, failed, failed_before)


def _shift_of_all_tags(part: PartOfDay, reference: PartOfDay, fewest: int, rate: float) -> Iterator[Shift]:
    tags = [
        tag
        for tag, values in part.scores.items()
        if len(values) == part.tracks and len(reference.scores.get(tag, [])) == reference.tracks
    ]
    if len(tags) > 1 and min(part.tracks, reference.tracks) >= fewest:
        day, before = (np.array([each.scores[tag] for tag in tags]).T for each in (part, reference))
        yield Shift(Watched.ALL_TAGS, "", *joint_shift(day, before, rate))


def _rank_shift(
    watched: Watched, name: str, day: Sequence[float], reference: Sequence[float], fewest: int
) -> Iterator[Shift]:
    if min(len(day), len(reference)) >= fewest:
        values, before = np.asarray(day), np.asarray(reference)
        medians = float(np.median(values)), float(np.median(before))
        yield Shift(watched, name, *rank_shift(values, before), *medians, stability_index(values, before))


def _share_shift(watched: Watched, name: str, day: tuple[int, int], reference: tuple[int, int]) -> Shift:
    shares = day[0] / day[1], reference[0] / reference[1]
    return Shift(watched, name, *share_shift(day, reference), *shares)


def _joined(parts: Sequence[PartOfDay]) -> PartOfDay:
    whole = PartOfDay()
    for part in parts:
        whole.tracks += part.tracks
        whole.truncated += part.truncated
        whole.durations_s.extend(part.durations_s)
        whole.levels_db.extend(part.levels_db)
        whole.failures += part.failures
        for tag, values in part.scores.items():
            whole.scores[tag].extend(values)
    return whole
