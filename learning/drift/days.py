"""What the tables hold of each day: scores by tag, lengths, levels, cuts and failures, for one tagger."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator, MutableSequence, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from statistics import fmean

from tonearm.transforms.tables.reading import column_value
from tonearm.transforms.tables.schemas import Row
from tonearm.transforms.tables.stored_rows import table_rows, table_rows_since

_COLUMNS = [
    "tags",
    "duration_s",
    "level_db",
    "truncated",
    "metadata",
    "codec",
    "input_kind",
]

_KEYS = {"track_tags": ("track_id", "generation"), "failures": ("track_id", "uri", "generation")}
"""What tells one track's rows from another's, by table."""

_MOMENTS = {"track_tags": "analyzed_at", "failures": "occurred_at"}
"""When a row was written, by its table."""

Part = tuple[date, str]
"""A day, and the value of a column where days are told apart by one; else an empty text."""


def _numbers() -> MutableSequence[float]:
    """Room for numbers, in a quarter of what a list of them takes."""
    return array("d")


@dataclass
class PartOfDay:
    """The tracks of one day, or those of them that have one value in a column; or its groups of tracks.

    Attributes:
        tracks: How many were tagged.
        scores: Score of each track, by tag.
        durations_s: Length of each track whose length is known.
        levels_db: Level of each track whose level is known.
        truncated: How many were not heard whole.
        failures: How many failed, by the word of the failure.
    """

    tracks: int = 0
    scores: defaultdict[str, MutableSequence[float]] = field(default_factory=lambda: defaultdict(_numbers))
    durations_s: MutableSequence[float] = field(default_factory=_numbers)
    levels_db: MutableSequence[float] = field(default_factory=_numbers)
    truncated: int = 0
    failures: Counter[str] = field(default_factory=Counter)

    @property
    def tried(self) -> int:
        """Tracks that were tagged or failed."""
        return self.tracks + self.failures.total()

    def add(self, row: Row) -> None:
        """Add a row of ``track_tags``."""
        self.tracks += 1
        self.truncated += bool(row["truncated"])
        if row["duration_s"] is not None:
            self.durations_s.append(row["duration_s"])
        if row["level_db"] is not None:
            self.levels_db.append(row["level_db"])
        for tag in row["tags"]:
            self.scores[tag["tag"]].append(tag["score"])

    def add_group(self, group: PartOfDay) -> None:
        """Add tracks that are alike as one: by their means, and as cut if one of them was."""
        self.tracks += 1
        self.truncated += group.truncated > 0
        if len(group.durations_s):
            self.durations_s.append(fmean(group.durations_s))
        if len(group.levels_db):
            self.levels_db.append(fmean(group.levels_db))
        for tag, scores in group.scores.items():
            self.scores[tag].append(fmean(scores))


def days_of(
    output: str, tagger: str, since: date, column: str = "", group: str = ""
) -> dict[Part, PartOfDay]:
    """Read the days of a tagger, in their order. Of a track's rows of one day the latest counts.

    Args:
        output: Where the tables lie.
        tagger: ``name@version``.
        since: The first day to read.
        column: ``codec``, ``input_kind`` or a column of the manifest's own, whose values tell the tracks of a
            day apart. Failures have none, and are then left out.
        group: A column of the same kind, whose values say which tracks are alike: those of one value count as
            one track of a day. Tracks without a value count for themselves; if empty, all do.

    Raises:
        OutputError: The tables cannot be read.
    """
    parts: defaultdict[Part, PartOfDay] = defaultdict(PartOfDay)
    groups: defaultdict[tuple[Part, str], PartOfDay] = defaultdict(PartOfDay)
    for row in _latest_of_day(since, output, "track_tags", _COLUMNS, tagger):
        part = _day(row["analyzed_at"]), _value(row, column)
        name = _value(row, group)
        (groups[part, name] if name else parts[part]).add(row)
    for (part, _), alike in groups.items():
        parts[part].add_group(alike)
    if not column:
        for row in _latest_of_day(since, output, "failures", ["error"], tagger):
            parts[_day(row["occurred_at"]), ""].failures[row["error"]] += 1
    return dict(sorted(parts.items()))


def _latest_of_day(
    since: date, output: str, table: str, columns: Sequence[str], tagger: str
) -> Iterator[Row]:
    """A tagger's rows; of those of one track and day, as after ``--retag`` or a retry, the latest alone."""
    moment = _MOMENTS[table]
    telling = [moment, *_KEYS[table]]
    latest: dict[int, datetime] = {}
    for row in table_rows_since(since, output, table, telling, tagger=tagger):
        key = _track_and_day(row, table)
        latest[key] = max(row[moment], latest.get(key, row[moment]))
    for row in table_rows_since(since, output, table, [*telling, *columns], tagger=tagger):
        key = _track_and_day(row, table)
        if not row["track_id"]:  # a row of a manifest that names no track is none twice
            yield row
        elif latest.get(key) == row[moment]:
            del latest[key]  # so that of two rows of one moment one counts
            yield row


def _track_and_day(row: Row, table: str) -> int:
    """A number in place of texts, as there may be a million."""
    return hash((_day(row[_MOMENTS[table]]), *(row[name] for name in _KEYS[table])))


def last_day_of(output: str, tagger: str, column: str = "") -> date | None:
    """The last day that :func:`days_of` has of a tagger; None if there is none.

    Of each row it reads its moment alone.

    Raises:
        OutputError: The tables cannot be read.
    """
    moments = _MOMENTS if not column else {"track_tags": _MOMENTS["track_tags"]}
    days = (
        _day(row[moment])
        for table, moment in moments.items()
        for row in table_rows(output, table, [moment], tagger=tagger)
    )
    return max(days, default=None)


def days_before(day: date, count: int) -> date:
    """The day so many days before another one, or the calendar's first.

    >>> days_before(date(2026, 11, 28), 28), days_before(date(2026, 11, 28), 10**9)
    (datetime.date(2026, 10, 31), datetime.date(1, 1, 1))
    """
    return date.fromordinal(max(day.toordinal() - count, 1))


def _day(moment: datetime) -> date:
    """The day of a row, which is that of its partition: in UTC."""
    return moment.astimezone(UTC).date()


def _value(row: Row, column: str) -> str:
    return column_value(row, column) if column else ""
