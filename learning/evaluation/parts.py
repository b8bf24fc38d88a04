"""The tracks in parts, by length, by codec, or by what any column of the set says of them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from tonearm.errors import WrongCallError
from tonearm.learning.evaluation.tracks.judged import JudgedTrack

_LENGTHS_S = ((30.0, "under 30 s"), (120.0, "30 s to 2 min"), (300.0, "2 to 5 min"), (math.inf, "over 5 min"))

_MOST_PARTS = 12
"""A column of more values is cut: numbers into quarters, texts into the most frequent ones and the rest."""

UNKNOWN = "(unknown)"
OTHERS = "(all others)"

_OWN: Mapping[str, Callable[[JudgedTrack], str]] = {
    "group": lambda track: track.group,
    "split": lambda track: track.split,
    "licence": lambda track: track.licence,
    "codec": lambda track: track.codec,
    "length": lambda track: _length(track.duration_s),
}
"""Columns that are no further columns of the manifest."""

_ALWAYS = ("length", "codec")
"""What every report tells apart, where it differs between tracks."""


def require_column(column: str, further: Collection[str] | None) -> None:
    """Refuse a column that no track has, before any is scored.

    Args:
        column: What ``--by`` names.
        further: The set's further columns; None if they are not known yet.

    Raises:
        WrongCallError: With the columns that there are.
    """
    if further is not None and column not in further and column not in _OWN:
        known = ", ".join([*_OWN, *sorted(further)])
        raise WrongCallError(f"--by {column}: the set has no such column; there are {known}")


def parts_by_column(
    tracks: Sequence[JudgedTrack], asked: Sequence[str]
) -> dict[str, dict[str, npt.NDArray[np.bool_]]]:
    """Which tracks each part holds, by column.

    Args:
        tracks: All of them.
        asked: Columns; they are told even if all tracks are in one part. Length and codec are added, where
            they tell tracks apart.

    Returns:
        bool [tracks] by column and part, parts in the order in which a report lists them.

    Raises:
        WrongCallError: No track has such a column.
    """
    further = {name for track in tracks for name in track.metadata}
    found = {}
    for column in dict.fromkeys([*asked, *_ALWAYS]):
        if column in asked:
            require_column(column, further)
        parts = np.array(_parts([_value(track, column) for track in tracks]))
        if column in asked or len(set(parts)) > 1:
            found[column] = {part: parts == part for part in _ordered(set(parts.tolist()))}
    return found


def _parts(values: Sequence[str]) -> list[str]:
    """The name of a part for each track's value."""
    if len(set(values)) <= _MOST_PARTS:
        return [value or UNKNOWN for value in values]
    numbers = [_number(value) for value in values]
    if all(number is not None for number, value in zip(numbers, values, strict=True) if value):
        return _quarters(numbers)
    frequent = {value for value, _ in Counter(filter(None, values)).most_common(_MOST_PARTS - 1)}
    return [value if value in frequent else OTHERS if value else UNKNOWN for value in values]


def _ordered(parts: Collection[str]) -> list[str]:
    """Lengths and numbers rising, texts by the alphabet, the rest last."""
    lengths = [name for _, name in _LENGTHS_S]

    def key(part: str) -> tuple[bool, int, float, str]:
        number = _number(part.partition(" to ")[0])
        place = lengths.index(part) if part in lengths else 0
        return part in (UNKNOWN, OTHERS), place, math.inf if number is None else number, part

    return sorted(parts, key=key)


def _value(track: JudgedTrack, column: str) -> str:
    if column in track.metadata:
        return track.metadata[column].strip()
    return _OWN[column](track) if column in _OWN else ""


def _length(seconds: float | None) -> str:
    return "" if seconds is None else next(name for limit, name in _LENGTHS_S if seconds < limit)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _quarters(numbers: Sequence[float | None]) -> list[str]:
    """Parts of as equal size as equal numbers allow, named by their least and greatest number."""
    known = np.array([number for number in numbers if number is not None])
    borders = np.unique(np.quantile(known, [0.25, 0.5, 0.75]))
    places = np.searchsorted(borders, known, side="left")
    names = {}
    for place in np.unique(places):
        inside = known[places == place]
        names[int(place)] = f"{inside.min():g} to {inside.max():g}"
    told = iter(names[int(place)] for place in places)
    return [UNKNOWN if number is None else next(told) for number in numbers]
