"""Manifests in which a character parts the columns: CSV, and its kin with tabs and semicolons."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from tonearm.transforms.sources.manifests.contract import (
    REQUIRED_COLUMNS,
    Edit,
    ManifestError,
    ManifestRow,
    column_names,
    row_of,
)
from tonearm.transforms.sources.manifests.lines import lines_of

_MOST_RECORD_BYTES = 1 << 20
"""A record that is longer has a quotation mark that is never closed."""

_DELIMITERS = (",", ";", "\t", "|")

_NAMED_DELIMITER = re.compile(rb'"?sep=([ -~\t])"?[\r\n]*', re.IGNORECASE)
"""Excel's line before the header, by which it knows what parts the columns."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_NO_TEXT = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""How archives and spreadsheets begin, new and old ones."""

_FURTHER = "_extra"
"""The column for values behind the last named one."""


def read_delimited(file: BinaryIO, location: str) -> Iterator[ManifestRow]:
    """Rows of a manifest with a header line, in the file's order; lines without any text are none.

    A line that cannot be read costs itself: what follows is not swallowed by a quotation mark that is never
    closed.

    Raises:
        ManifestError: The file is not in UTF-8, or lacks a required column.
    """
    lines = _Lines(file)
    header = _read_header(lines, location)
    while line := lines.take():
        if line.strip():
            yield _row(line, lines, header)[1]


def edited_delimited(file: BinaryIO, location: str, edit: Edit) -> Iterator[bytes]:
    """The same file with some values changed, piece by piece; all else stays byte for byte.

    Args:
        file: The manifest.
        location: Its name, for messages.
        edit: Is given each row's values by column, and returns those that change.

    Raises:
        ManifestError: The file is not in UTF-8, or lacks a required column.
    """
    lines = _Lines(file)
    header = _read_header(lines, location)
    yield header.raw
    while line := lines.take():
        if not line.strip():
            yield line
            continue
        record, row = _row(line, lines, header)
        changed = {} if row.problem else edit(row.values)
        yield _edited(record, header, changed) if changed else record


@dataclass(frozen=True, slots=True)
class _Header:
    """What stands before the rows, as it is written, and what it says."""

    raw: bytes
    delimiter: str
    columns: Sequence[str]


def _read_header(lines: _Lines, location: str) -> _Header:
    raw = line = lines.take()
    while line and not line.removeprefix(_BYTE_ORDER_MARK).strip():
        line = lines.take()
        raw += line
    line = line.removeprefix(_BYTE_ORDER_MARK)
    _require_text(line, location)
    if named := _NAMED_DELIMITER.fullmatch(line):
        line = lines.take()
        raw += line
        _require_text(line, location)
    delimiter = named[1].decode() if named else _delimiter(line)
    return _Header(raw, delimiter, column_names(_cells(line, delimiter), location))


class _Lines:
    """The lines of a file; some may be given back."""

    def __init__(self, file: BinaryIO) -> None:
        self._lines = lines_of(file, _MOST_RECORD_BYTES)
        self._given_back: list[bytes] = []

    def take(self) -> bytes:
        """The next line with its end; empty at the end of the file."""
        return self._given_back.pop() if self._given_back else next(self._lines, b"")

    def give_back(self, lines: Sequence[bytes]) -> None:
        """Have lines taken again, in their order."""
        self._given_back += reversed(lines)


def _row(first: bytes, lines: _Lines, header: _Header) -> tuple[bytes, ManifestRow]:
    """The row that begins with a line, and its text; further lines are of it while a quote is open."""
    delimiter, columns = header.delimiter, header.columns
    record = [first]
    open_quote = _ends_in_quotes(first, delimiter.encode(), inside=False)
    size = len(first)
    while open_quote and size < _MOST_RECORD_BYTES and (line := lines.take()):
        record.append(line)
        size += len(line)
        open_quote = _ends_in_quotes(line, delimiter.encode(), inside=True)
    try:
        if open_quote or size >= _MOST_RECORD_BYTES:
            raise csv.Error("a quotation mark is never closed, or the line is longer than 1 MiB")
        values = _cells(b"".join(record), delimiter)
    except (csv.Error, UnicodeDecodeError) as error:
        lines.give_back(record[1:])
        reason = "it is not in UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
        if len(record) > 1:
            reason = "a quotation mark is never closed"
        return first, _row_of_broken(first, delimiter, columns, reason)
    return b"".join(record), row_of(_by_column(values, columns))


def _edited(record: bytes, header: _Header, changed: Mapping[str, str]) -> bytes:
    """A record with other values in some columns; it ends as it did."""
    cells = _cells(record, header.delimiter)
    cells += [""] * (len(header.columns) - len(cells))
    for column, value in changed.items():
        cells[header.columns.index(column)] = value
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=header.delimiter, lineterminator="").writerow(cells)
    return text.getvalue().encode() + record[len(record.rstrip(b"\r\n")) :]


def _row_of_broken(line: bytes, delimiter: str, columns: Sequence[str], reason: str) -> ManifestRow:
    """What to say of a line that cannot be read, so that whoever mends it finds it."""
    text = line[:10_000].decode("utf-8", "replace").strip()
    return row_of(_by_column(text.replace('"', "").split(delimiter), columns), reason)


def _by_column(values: Sequence[str], columns: Sequence[str]) -> dict[str, str]:
    row = dict(zip(columns, values, strict=False))
    if further := values[len(columns) :]:
        row[_FURTHER] = json.dumps(further, ensure_ascii=False)
    return row


def _cells(record: bytes, delimiter: str) -> list[str]:
    text = record.decode().rstrip("\r\n")
    return next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), [])


def _ends_in_quotes(line: bytes, delimiter: bytes, *, inside: bool) -> bool:
    """True if a quoted value goes on in the next line.

    Only a quotation mark at the beginning of a value opens one; within it, two stand for one.
    """
    place = 0
    if not inside:
        place = _opening(line, 0, delimiter)
    while place >= 0:
        closing = line.find(b'"', place)
        if closing < 0:
            return True
        if line[closing + 1 : closing + 2] == b'"':
            place = closing + 2
        else:
            place = _opening(line, closing + 1, delimiter)
    return False


def _opening(line: bytes, place: int, delimiter: bytes) -> int:
    """Where the text of the next quoted value begins; -1 if there is none in the line."""
    if place == 0 and line.startswith(b'"'):
        return 1
    found = line.find(delimiter + b'"', place)
    return found + 2 if found >= 0 else -1


def _require_text(header: bytes, location: str) -> None:
    if header.startswith(_NO_TEXT):
        raise ManifestError(
            f"{location}: is a spreadsheet or an archive by another name; save it as `CSV UTF-8`"
        )
    if header.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in header:
        raise ManifestError(
            f"{location}: is in UTF-16; save it in UTF-8 (spreadsheets call it `CSV UTF-8`), "
            f"or: iconv -f UTF-16 -t UTF-8"
        )
    try:
        header.decode()
    except UnicodeDecodeError as error:
        message = f"{location}: its header is not in UTF-8; save it in UTF-8"
        raise ManifestError(message) from error


def _delimiter(header: bytes) -> str:
    """The character that parts the header into the required columns; a comma if none does."""
    for delimiter in _DELIMITERS:
        try:
            names = {name.strip("\ufeff").strip().casefold() for name in _cells(header, delimiter)}
        except csv.Error:
            continue
        if names.issuperset(REQUIRED_COLUMNS):
            return delimiter
    return ","
