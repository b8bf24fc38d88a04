"""Counts of what changes from one tagger to another: by tag, by facet and by source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tonearm.learning.tag_changes.stored_tags import Scores, Selected, StoredTags, Words

_MOST_SOURCES = 10_000
"""So many sources are counted by name, so that a column with a value of its own for each track takes no more
memory than this; further ones are counted together."""

OTHER_SOURCES = "(other sources)"

Counts = npt.NDArray[np.int64]
Sums = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CommonWords:
    """The tags that both taggers have, in the order of the first one's words.

    Attributes:
        tags: The tags.
        facets: The facet of each, as the first tagger has it.
        in_first: Their numbers among the first tagger's words.
        in_second: The same of the second tagger's.
    """

    tags: tuple[str, ...]
    facets: tuple[str, ...]
    in_first: npt.NDArray[np.intp]
    in_second: npt.NDArray[np.intp]

    @classmethod
    def of(cls, first: Words, second: Words) -> CommonWords:
        """What two taggers have in common."""
        tags = tuple(tag for tag in first.number_of if tag in second.number_of)
        return cls(
            tags,
            tuple(first.facet_of[tag] for tag in tags),
            np.array([first.number_of[tag] for tag in tags], np.intp),
            np.array([second.number_of[tag] for tag in tags], np.intp),
        )


@dataclass(frozen=True, slots=True)
class Paired:
    """Scores and selections of several tracks by both taggers, [tracks, words] of the common words.

    Attributes:
        first: Scores of the first tagger; not a number where its row lacks the word.
        second: Those of the second.
        selected_first: Tags that the first tagger selected.
        selected_second: Those that the second did.
    """

    first: Scores
    second: Scores
    selected_first: Selected
    selected_second: Selected

    @classmethod
    def of(cls, pairs: Sequence[tuple[StoredTags, StoredTags]], common: CommonWords) -> Paired:
        """Lay out rows side by side."""
        first, selected_first = _laid_out([pair[0] for pair in pairs], common.in_first)
        second, selected_second = _laid_out([pair[1] for pair in pairs], common.in_second)
        return cls(first, second, selected_first, selected_second)

    @property
    def compared(self) -> Selected:
        """Where both have a score."""
        return ~(np.isnan(self.first) | np.isnan(self.second))

    @property
    def gained(self) -> Selected:
        """Tags that only the second tagger selected."""
        return self.selected_second & ~self.selected_first & self.compared

    @property
    def lost(self) -> Selected:
        """Tags that only the first tagger selected."""
        return self.selected_first & ~self.selected_second & self.compared


class TagTally:
    """Sums over tracks for each of the common words.

    Attributes:
        compared: Tracks that both taggers have a score of.
        selected_first: Of these, those for which the first tagger selected the tag.
        selected_second: The same of the second.
        gained: Those for which only the second did.
        lost: Those for which only the first did.
        change: Sum of the second score less the first.
        size: Sum of that without its sign.
    """

    def __init__(self, words: int) -> None:
        self.compared, self.selected_first, self.selected_second, self.gained, self.lost = (
            np.zeros(words, np.int64) for _ in range(5)
        )
        self.change, self.size = np.zeros(words), np.zeros(words)

    def add(self, paired: Paired) -> None:
        """Add tracks."""
        compared = paired.compared
        change = np.where(compared, paired.second.astype(np.float64) - paired.first, 0.0)
        self.compared += compared.sum(axis=0)
        self.selected_first += (paired.selected_first & compared).sum(axis=0)
        self.selected_second += (paired.selected_second & compared).sum(axis=0)
        self.gained += paired.gained.sum(axis=0)
        self.lost += paired.lost.sum(axis=0)
        self.change += change.sum(axis=0)
        self.size += np.abs(change).sum(axis=0)


class ChangedTally:
    """How many tracks have another tag of each facet, or of any, in all and by source.

    Args:
        facets: The facet of each of the common words.
    """

    def __init__(self, facets: Sequence[str]) -> None:
        self.facets = tuple(dict.fromkeys(facets))
        self._places = [[place for place, of in enumerate(facets) if of == facet] for facet in self.facets]
        self.by_source: dict[str, Counts] = {}
        """Of each source the number of its tracks, of those with any change, and of those with one in each
        facet."""

    @property
    def whole(self) -> Counts:
        """The same of all sources together."""
        return np.sum([*self.by_source.values(), self._zeros()], axis=0, dtype=np.int64)

    def add(self, paired: Paired, sources: Sequence[str]) -> None:
        """Add tracks and where they come from."""
        changed = paired.gained | paired.lost
        of_facets = [changed[:, places].any(axis=1) for places in self._places]
        rows = np.column_stack([np.ones(len(sources), np.bool_), changed.any(axis=1), *of_facets])
        for source, row in zip(sources, rows.astype(np.int64), strict=True):
            self._counts_of(source)[:] += row

    def _counts_of(self, source: str) -> Counts:
        if source not in self.by_source and len(self.by_source) >= _MOST_SOURCES:
            source = OTHER_SOURCES
        return self.by_source.setdefault(source, self._zeros())

    def _zeros(self) -> Counts:
        return np.zeros(2 + len(self.facets), np.int64)


def _laid_out(rows: Sequence[StoredTags], numbers: npt.NDArray[np.intp]) -> tuple[Scores, Selected]:
    """Scores and selections of rows by word; a row that was read early lacks words that were met later."""
    words = int(numbers.max(initial=-1)) + 1
    scores = np.full((len(rows), words), np.nan, np.float32)
    selected = np.zeros((len(rows), words), np.bool_)
    for place, row in enumerate(rows):
        known = min(words, len(row.scores))
        scores[place, :known] = row.scores[:known]
        selected[place, :known] = row.selected[:known]
    return scores[:, numbers], selected[:, numbers]
