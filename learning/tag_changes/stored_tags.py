"""What the tables say of a track by one tagger, in the few hundred bytes that a comparison needs of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tonearm.transforms.tables.reading import column_value
from tonearm.transforms.tables.schemas import SHADOW_TAGS
from tonearm.transforms.tables.stored_rows import table_rows

_COLUMNS = ("track_id", "generation", "uri", "analyzed_at", "tags")

_TABLES = ("track_tags", SHADOW_TAGS)

Scores = npt.NDArray[np.float32]
Selected = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class StoredTags:
    """One row, by one tagger.

    Attributes:
        track_id: The track.
        generation: Version of its object.
        uri: Where it was read from; empty if the table withholds it.
        source: Value of the column that sources are told apart by; empty if by none.
        analyzed_at: Seconds since 1970.
        scores: Score of each word of the tagger, as numbered by its :class:`Words`; not a number where the
            row lacks the word. Words that were met later are not there.
        selected: Whether it is selected.
    """

    track_id: str
    generation: str
    uri: str
    source: str
    analyzed_at: float
    scores: Scores
    selected: Selected


@dataclass(slots=True)
class Words:
    """The tags of a tagger, numbered in the order in which its rows are met.

    Attributes:
        number_of: Number of each tag.
        facet_of: Facet of each tag.
    """

    number_of: dict[str, int] = field(default_factory=dict)
    facet_of: dict[str, str] = field(default_factory=dict)

    def number(self, tag: Mapping[str, str]) -> int:
        """The number of a row's tag."""
        word = tag["tag"]
        if word not in self.number_of:
            self.number_of[word] = len(self.number_of)
            self.facet_of[word] = tag["facet"]
        return self.number_of[word]


def stored_tags(output: str, tagger: str, column: str, words: Words) -> Iterator[StoredTags]:
    """The rows of a tagger, one by one, as they come.

    Args:
        output: Where the tables lie.
        tagger: ``name@version``.
        column: What sources are told apart by, see :func:`.column_value`; empty for nothing.
        words: Takes up the tagger's words.

    Raises:
        OutputError: The tables cannot be read.
    """
    columns = [*_COLUMNS, *(["codec", "input_kind", "metadata"] if column else [])]
    for table in _TABLES:
        for row in table_rows(output, table, columns, tagger=tagger):
            numbers = [words.number(tag) for tag in row["tags"]]
            scores = np.full(len(words.number_of), np.nan, np.float32)
            selected = np.zeros(len(words.number_of), np.bool_)
            scores[numbers] = [tag["score"] for tag in row["tags"]]
            selected[numbers] = [tag["selected"] for tag in row["tags"]]
            yield StoredTags(
                row["track_id"],
                row["generation"],
                row["uri"],
                column_value(row, column) if column else "",
                row["analyzed_at"].timestamp(),
                scores,
                selected,
            )


def taggers_with_rows(output: str) -> list[str]:
    """``name@version`` of all taggers that an output has tags of."""
    return sorted({row["tagger"] for table in _TABLES for row in table_rows(output, table, ["tagger"])})
