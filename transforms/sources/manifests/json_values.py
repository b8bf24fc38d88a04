"""Manifests of JSON: one object on each line, or one array of objects."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from tonearm.transforms.sources.manifests.contract import (
    REQUIRED_COLUMNS,
    ManifestError,
    ManifestRow,
    column_names,
    row_of,
    spelt_as_meant,
)
from tonearm.transforms.sources.manifests.lines import lines_of
from tonearm.transforms.sources.manifests.plain_text import ValueProblem, plain_text

_MOST_LINE_BYTES = 16 << 20
"""A longer line is no row of a manifest."""

_MOST_ARRAY_BYTES = 1 << 30
"""An array is read whole; a longer one is better given as JSON Lines."""

_SPACE_OR_COMMA = re.compile(r"[\s,]*")

_STRUCTURE = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]', re.DOTALL)
"""A text in quotes, whatever it holds, or a bracket."""

_ARRAY = re.compile(rb"\[\s*(\{|$)")
"""How an array of objects begins, whose first line may hold its bracket alone."""

_LINE_END = re.compile(rb"[\r\n]")

_BAD_LINE = "it is no JSON object in UTF-8"


class _SaidTwiceError(ValueError):
    """An object that gives one name two values, of which Python's reader would take the last."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in pairs:
        if name in values and values[name] != value:
            raise _SaidTwiceError(f"it gives {name} two values")
        values[name] = value
    return values


def read_json_lines(file: BinaryIO, location: str) -> Iterator[ManifestRow]:
    """Rows of a manifest with one object on each line, in the file's order; blank lines are none.

    Raises:
        ManifestError: The first object lacks a required column, or the file is an array or in UTF-16.
    """
    rows, is_first = _Rows(location), True
    for line in lines_of(file, _MOST_LINE_BYTES):
        text = line.removeprefix(b"\xef\xbb\xbf").strip()
        if is_first:
            _refuse_utf16(line, location)
        if is_first and _ARRAY.match(text):
            raise ManifestError(f"{location}: is an array, and no object a line; name it .json")
        is_first = is_first and not text
        if len(line) >= _MOST_LINE_BYTES:
            yield ManifestRow(problem=f"its line is longer than {_MOST_LINE_BYTES >> 20} MiB")
        elif text:
            yield rows.row_of_text(text)


def read_json(file: BinaryIO, location: str) -> Iterator[ManifestRow]:
    """Rows of an array of objects, or of one object on each line.

    Raises:
        ManifestError: It is neither, too large, or the first object lacks a required column.
    """
    content = file.read(_MOST_ARRAY_BYTES + 1)
    _refuse_utf16(content, location)
    text = content.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"["):
        if len(content) > _MOST_ARRAY_BYTES:
            message = "is longer than 1 GiB; make it JSON Lines: jq -c '.[]' FILE.json > FILE.jsonl"
            raise ManifestError(f"{location}: {message}")
        yield from _rows_of_array(text.decode("utf-8", "surrogateescape"), location)
        return
    if not isinstance(_parsed(_LINE_END.split(text, maxsplit=1)[0]), dict):
        raise ManifestError(f"{location}: is neither an array of objects nor JSON Lines, an object a line")
    yield from read_json_lines(io.BytesIO(content + file.read()), location)


def _refuse_utf16(beginning: bytes, location: str) -> None:
    """Refuse what Python would read as JSON, in part, and no other reader of JSON Lines."""
    if beginning.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in beginning[:4]:
        raise ManifestError(f"{location}: is in UTF-16 or UTF-32; save it in UTF-8")


def _rows_of_array(text: str, location: str) -> Iterator[ManifestRow]:
    """One object after the other, so that one that cannot be read costs itself."""
    rows, decoder, place = _Rows(location), json.JSONDecoder(object_pairs_hook=_object), 1
    while (place := _behind_separator(text, place)) < len(text) and text[place] != "]":
        try:
            value, place = decoder.raw_decode(text, place)
            yield rows.row_of(value)
        except (ValueError, RecursionError) as error:
            place = _end_of_value(text, place)
            yield ManifestRow(problem=_problem(error))
    if place >= len(text):
        yield ManifestRow(problem="the array has no end: the file may be cut here")
    elif text[place + 1 :].strip():
        yield ManifestRow(problem="it stands behind the end of the array")


def _behind_separator(text: str, place: int) -> int:
    found = _SPACE_OR_COMMA.match(text, place)
    return found.end() if found else place


def _end_of_value(text: str, place: int) -> int:
    """Where a value ends that cannot be read, by its brackets; the end of the text if they do not tell."""
    depth = 0
    for found in _STRUCTURE.finditer(text, place):
        if found[0] in "{[":
            depth += 1
        elif found[0] in "}]":
            depth -= 1
            if depth <= 0:
                return found.end() if depth == 0 else found.start()
    return len(text)


def _problem(error: Exception) -> str:
    return str(error) if isinstance(error, _SaidTwiceError) else _BAD_LINE


def _parsed(text: bytes) -> Any:
    """What a line holds; None if it is no JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


class _Rows:
    """Makes rows of objects, each of which may spell its columns in its own way."""

    def __init__(self, location: str) -> None:
        self._location = location
        self._is_first = True

    def row_of_text(self, text: bytes) -> ManifestRow:
        """The row of one line."""
        try:
            value = json.loads(text, object_pairs_hook=_object)
        except (ValueError, RecursionError) as error:
            return ManifestRow(problem=_problem(error))
        return self.row_of(value)

    def row_of(self, value: Any) -> ManifestRow:
        """The row of one object.

        Raises:
            ManifestError: It is the first one, and lacks a required column.
        """
        if not isinstance(value, dict):
            return ManifestRow(problem=_BAD_LINE)
        if self._is_first:
            column_names(list(value), self._location)
            self._is_first = False
        values, problem = {}, ""
        for name, each in zip(spelt_as_meant(list(value)), value.values(), strict=True):
            if name in REQUIRED_COLUMNS and isinstance(each, dict | list | bool):
                problem = problem or f"its {name} is neither text nor a number"
            try:
                text = plain_text(each)
            except ValueProblem as error:
                text, problem = None, problem or f"its {name} {error}"
            if text is not None:
                values[name] = text
        return row_of(values, problem)
