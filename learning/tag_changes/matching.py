"""Matches the rows of two taggers by track, in bounded memory: by parts of the catalog, through files."""

from __future__ import annotations

import pickle
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tonearm.learning.tag_changes.stored_tags import StoredTags

_PARTS = 128
"""How many parts a catalog is cut into, by its ids. The tracks of one part are in memory at a time: 80,000 of
ten million. So many files are open at a time."""


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


class PartFiles:
    """The rows of one tagger in files of a folder, apart by their track.

    Args:
        folder: Where; made if missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, rows: Iterable[StoredTags]) -> int:
        """Write all rows; return how many there were."""
        self._folder.mkdir(parents=True, exist_ok=True)
        count = 0
        with ExitStack() as opened:
            files = [opened.enter_context(self._file(part).open("wb")) for part in range(_PARTS)]
            for row in rows:
                pickle.dump(row, files[zlib.crc32(row.track_id.encode()) % _PARTS], pickle.HIGHEST_PROTOCOL)
                count += 1
        return count

    def read(self, part: int) -> Iterator[StoredTags]:
        """Read the rows of one part, as they were written."""
        with self._file(part).open("rb") as file:
            while file.peek(1):
                yield pickle.load(file)

    def _file(self, part: int) -> Path:
        return self._folder / str(part)


def matched_parts(first: PartFiles, second: PartFiles) -> Iterator[Matched]:
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
