"""The tables that data sets bring: lines of text, each of which costs itself if it is broken."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tonearm.learning.public_datasets.contract import PublicDatasetError, Remark

_LONGEST_CELL = 1 << 24
"""Characters; some sets keep whole biographies in one."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a table.

    Attributes:
        number: Where it ends, from 1, with the header counted.
        cells: Its values.
        lines: How many lines of the file it spans.
    """

    number: int
    cells: list[str]
    lines: int = 1


def lines_of(path: Path, delimiter: str) -> Iterator[Line | Remark]:
    """The lines of a table whose values hold no line ends; blank ones are left out.

    Raises:
        PublicDatasetError: It cannot be read.
    """
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            for number, text in enumerate(file, start=1):
                if not text.strip():
                    continue
                try:
                    (cells,) = csv.reader([text.rstrip("\r\n")], delimiter=delimiter, strict=True)
                except (csv.Error, ValueError):
                    yield Remark(path.name, number, "", "the line cannot be read: its quotation marks")
                else:
                    yield Line(number, cells)
    except OSError as error:
        raise PublicDatasetError(f"{path} cannot be read: {error.strerror}") from error


def records_of(path: Path, *, headers: int = 1) -> Iterator[Line]:
    """The records of a CSV file whose values may hold line ends.

    Args:
        path: The file.
        headers: How many first records are returned whatever their length.

    Raises:
        PublicDatasetError: It cannot be read.
    """
    before_this = csv.field_size_limit(_LONGEST_CELL)  # it holds for all that the process reads
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            reader, before = csv.reader(file), 0
            for count, cells in enumerate(reader):
                if cells or count < headers:
                    yield Line(reader.line_num, cells, reader.line_num - before)
                before = reader.line_num
    except OSError as error:
        raise PublicDatasetError(f"{path} cannot be read: {error.strerror}") from error
    except csv.Error as error:
        raise PublicDatasetError(f"{path} cannot be read as CSV: {error}") from error
    finally:
        csv.field_size_limit(before_this)


def place_of(columns: list[str], name: str, path: Path) -> int:
    """Where a column stands.

    Raises:
        PublicDatasetError: It is not there.
    """
    if name not in columns:
        raise PublicDatasetError(
            f"{path} lacks the column {name}; found: {', '.join(columns[:20]) or 'none'}"
        )
    return columns.index(name)
