"""Matches the rows of two taggers by track, in bounded memory: by parts of the catalog, through a file."""

from __future__ import annotations

import os
import pickle
import tempfile
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tonearm.errors import TonearmError
from tonearm.learning.tag_changes.stored_tags import StoredTags

_PARTS = 256
"""How many parts a catalog is cut into, by its ids. The tracks of one part are in memory at a time: 40,000 of
ten million."""

_ROWS_TOGETHER = 64
"""So many rows of a part are written together; until then they wait in memory."""


@dataclass(frozen=True, slots=True)
class Matched:
    """The tracks of one part of a catalog, each once.

    Attributes:
        pairs: Of tracks whose latest rows by both taggers are of one generation, these rows. If there are
            several generations that both have tagged, the one that was tagged last.
        only_first: Tracks that only the first tagger has.
        only_second: Tracks that only the second one has.
        other_generation: Tracks that both have, but of no generation in common.
    """

    pairs: list[tuple[StoredTags, StoredTags]]
    only_first: int
    only_second: int
    other_generation: int


class TemporaryFileError(TonearmError):
    """The rows cannot be laid aside, such as on a full disk."""


class RowsLaidAside:
    """The rows of one tagger in a temporary file, by parts of the catalog.

    The file has no name: it is gone when this object or the process is, however that ends.

    Raises:
        TemporaryFileError: It cannot be made.
    """

    def __init__(self) -> None:
        with _refusals():
            self._file = tempfile.TemporaryFile(prefix="tonearm-")  # noqa: SIM115 - as long as this object
        self._places: list[list[int]] = [[] for _ in range(_PARTS)]

    def write(self, rows: Iterable[StoredTags]) -> int:
        """Write all rows; return how many there were.

        Raises:
            TemporaryFileError: They cannot be written.
        """
        waiting: list[list[StoredTags]] = [[] for _ in range(_PARTS)]
        count = 0
        for row in rows:
            count += 1
            part = zlib.crc32(row.track_id.encode()) % _PARTS
            waiting[part].append(row)
            if len(waiting[part]) == _ROWS_TOGETHER:
                self._write_together(part, waiting[part])
                waiting[part] = []
        for part, left in enumerate(waiting):
            self._write_together(part, left)
        return count

    def read(self, part: int) -> Iterator[StoredTags]:
        """Read the rows of one part, as they were written."""
        for place in self._places[part]:
            self._file.seek(place)
            yield from pickle.load(self._file)

    def _write_together(self, part: int, rows: list[StoredTags]) -> None:
        with _refusals():
            self._places[part].append(self._file.tell())
            pickle.dump(rows, self._file, pickle.HIGHEST_PROTOCOL)


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise TemporaryFileError(
            f"the rows cannot be laid aside in {tempfile.gettempdir()}: {os.strerror(error.errno or 0)}; "
            "TMPDIR names another folder"
        ) from error


def matched_parts(first: RowsLaidAside, second: RowsLaidAside) -> Iterator[Matched]:
    """Match the rows of two taggers, part by part; of rows for one track and generation the latest counts."""
    for part in range(_PARTS):
        yield _matched(_latest(first.read(part)), _latest(second.read(part)))


_Latest = dict[str, dict[str, StoredTags]]
"""The latest row by track and generation."""


def _latest(rows: Iterable[StoredTags]) -> _Latest:
    latest: defaultdict[str, dict[str, StoredTags]] = defaultdict(dict)
    for row in rows:
        of_track = latest[row.track_id]
        before = of_track.get(row.generation)
        if before is None or before.analyzed_at <= row.analyzed_at:
            of_track[row.generation] = row
    return latest


def _matched(first: _Latest, second: _Latest) -> Matched:
    pairs, other_generation = [], 0
    both = [track_id for track_id in first if track_id in second]
    for track_id in both:
        by_first, by_second = first[track_id], second[track_id]
        common = [(by_first[each], by_second[each]) for each in by_first if each in by_second]
        if common:
            pairs.append(max(common, key=_moment))
        else:
            other_generation += 1
    return Matched(pairs, len(first) - len(both), len(second) - len(both), other_generation)


def _moment(pair: tuple[StoredTags, StoredTags]) -> float:
    return max(row.analyzed_at for row in pair)
