"""What a row says of labels: that they hold, that they do not, or nothing. Unknown is not negative.

In text, labels are parted by semicolons; a label alone holds::

    rock; female vocal; drums=-; piano=0; *=-

``=-`` says that a label does not hold, ``=0`` that it is not known, ``=+`` that it holds. A name that ends in
``*`` speaks for all labels that begin so and that the row does not name: ``*=-`` says that the list is
complete, ``genre---*=-`` that it is complete for genres. Of a label that is not spoken of nothing is known.
JSON and Parquet have the same as an object or map (``{"rock": 1, "drums": -1, "*": -1}``) or as a list of
such texts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

ALL = "*"
"""What ends a name that speaks for all labels that begin with the rest."""

_SEPARATOR = ";"


class LabelValue(IntEnum):
    """What is known of a label on a track."""

    NEGATIVE = -1
    UNKNOWN = 0
    POSITIVE = 1


class LabelError(ValueError):
    """Labels that cannot be understood; the message says why and completes "its labels …"."""


class BlankLabelsError(LabelError):
    """Labels that nobody has filled in."""


_SIGNS = {
    "+": LabelValue.POSITIVE,
    "+1": LabelValue.POSITIVE,
    "1": LabelValue.POSITIVE,
    "-": LabelValue.NEGATIVE,
    "\u2212": LabelValue.NEGATIVE,  # the minus sign of typesetting, as some editors write it
    "-1": LabelValue.NEGATIVE,
    "\u22121": LabelValue.NEGATIVE,
    "0": LabelValue.UNKNOWN,
}

_MARK = {LabelValue.POSITIVE: "", LabelValue.NEGATIVE: "=-", LabelValue.UNKNOWN: "=0"}

_SIGNED = re.compile(r"(?P<name>.*?)\s*=\s*(?P<sign>[-+\u2212]1?|[01])", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Labels:
    """What a row says of labels.

    Attributes:
        named: Value by label.
        beginnings: Value of all labels that begin with a text and are not named; the longest text counts.
    """

    named: Mapping[str, LabelValue]
    beginnings: Mapping[str, LabelValue]

    @staticmethod
    def of(values: Mapping[str, int]) -> Labels:
        """Labels of values by name; names that end in ``*`` speak for all that begin so.

        Raises:
            LabelError: A name is empty, or a value none of -1, 0, 1.
        """
        return _joined((name, _value_of(name, value)) for name, value in values.items())

    @staticmethod
    def read(text: str) -> Labels:
        """Labels as a manifest's row has them.

        Raises:
            LabelError: They cannot be understood, or contradict each other.

        Example:
            >>> Labels.read("rock; drums=-; *=-").value_of("jazz")
            <LabelValue.NEGATIVE: -1>
            >>> Labels.read('{"rock": 1}').value_of("jazz")
            <LabelValue.UNKNOWN: 0>
        """
        match _json_of(text):
            case dict() as values:
                return Labels.of(values)
            case list() as items:
                return _joined(_item(item) for item in _texts(items))
            case _:
                return _joined(_item(item) for item in text.split(_SEPARATOR) if item.strip())

    def value_of(self, label: str) -> LabelValue:
        """What is known of a label."""
        if (named := self.named.get(label)) is not None:
            return named
        fitting = [beginning for beginning in self.beginnings if label.startswith(beginning)]
        return self.beginnings[max(fitting, key=len)] if fitting else LabelValue.UNKNOWN

    @property
    def positives(self) -> set[str]:
        """The labels that hold."""
        return {name for name, value in self.named.items() if value is LabelValue.POSITIVE}

    @property
    def values(self) -> dict[str, int]:
        """All that the row says, by name, as JSON and Parquet have it."""
        beginnings = {beginning + ALL: int(value) for beginning, value in self.beginnings.items()}
        return {name: int(value) for name, value in self.named.items()} | beginnings

    @property
    def text(self) -> str:
        """The same as text for CSV; names that semicolons would break make it JSON."""
        values = self.values
        if any(_needs_json(name) for name in values):
            return json.dumps(values, ensure_ascii=False)
        return f"{_SEPARATOR} ".join(name + _MARK[LabelValue(value)] for name, value in values.items())


def _joined(items: Iterable[tuple[str, LabelValue]]) -> Labels:
    named: dict[str, LabelValue] = {}
    beginnings: dict[str, LabelValue] = {}
    for name, value in items:
        said, key = (beginnings, name[: -len(ALL)]) if name.endswith(ALL) else (named, name)
        if not name.strip():
            raise LabelError("hold an empty name")
        if said.setdefault(key, value) is not value:
            raise LabelError(f"say two things of {name}")
    if not named and not beginnings:
        raise BlankLabelsError("are empty")
    if LabelValue.POSITIVE in beginnings.values():
        raise LabelError("say that all labels hold that begin alike; name them")
    return Labels(named, beginnings)


def _json_of(text: str) -> Any:
    """What JSON the text is; None if it is none.

    Raises:
        LabelError: It begins as JSON and is none, as lists do that Python printed: no name of a label.
    """
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return json.loads(text, object_pairs_hook=_object)
    except (json.JSONDecodeError, RecursionError) as error:
        raise LabelError("begin with a bracket and are no JSON; names need double quotes there") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose doubled names agree; Python's own would take the last."""
    values: dict[str, Any] = {}
    for name, value in pairs:
        if values.setdefault(name, value) != value:
            raise LabelError(f"say two things of {name}")
    return values


def _texts(items: list[Any]) -> list[str]:
    if wrong := [item for item in items if not isinstance(item, str)]:
        raise LabelError(f"hold {json.dumps(wrong[0])[:40]}, which is no text")
    return items


def _item(text: str) -> tuple[str, LabelValue]:
    """A label with its sign: a label without one holds."""
    if found := _SIGNED.fullmatch(text.strip()):
        return found["name"], _SIGNS[found["sign"]]
    return text.strip(), LabelValue.POSITIVE


def _value_of(name: str, value: Any) -> LabelValue:
    """A value of JSON: -1, 0, 1, true, false, null, or a sign as text."""
    if value is None:
        return LabelValue.UNKNOWN
    if isinstance(value, bool):
        return LabelValue.POSITIVE if value else LabelValue.NEGATIVE
    if isinstance(value, str) and value.strip() in _SIGNS:
        return _SIGNS[value.strip()]
    if isinstance(value, int | float) and value in (-1, 0, 1):
        return LabelValue(int(value))
    raise LabelError(f"give {name} a value that is none of -1, 0, 1")


def _needs_json(name: str) -> bool:
    return (
        _SEPARATOR in name
        or name != name.strip()
        or name.startswith(("{", "["))
        or _SIGNED.fullmatch(name) is not None
    )
