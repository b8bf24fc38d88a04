"""Compares what two taggers say of the same tracks, by the tables of an output."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tonearm.errors import WrongCallError
from tonearm.learning.tag_changes.changed_tracks import ChangedTrack, LargestChanges, changed_tracks
from tonearm.learning.tag_changes.matching import RowsLaidAside, matched_parts
from tonearm.learning.tag_changes.sources import SharedFolder
from tonearm.learning.tag_changes.stored_tags import StoredTags, Words, stored_tags, taggers_with_rows
from tonearm.learning.tag_changes.tallies import ChangedTally, CommonWords, Paired, TagTally
from tonearm.transforms.tables.reading import require_told_apart


@dataclass(frozen=True, slots=True)
class ComparisonOrder:
    """What is to be compared.

    Attributes:
        output: Where the tables lie.
        first: ``name@version`` of the tagger that is compared with.
        second: That of the other, such as one that may take its place.
        column: What sources are told apart by, see :func:`.column_value`; empty for the first folder or
            bucket in which tracks differ.
        most_tracks: How many of the tracks with the largest changes are wanted.
    """

    output: str
    first: str
    second: str
    column: str = ""
    most_tracks: int = 20


@dataclass(slots=True)
class Comparison:
    """What changes from one tagger to another.

    Attributes:
        order: What was compared.
        words_only_first: Words that only the first tagger has; they are not compared.
        words_only_second: Words that only the second has.
        common: Words that both have.
        tags: Counts by tag, in the order of the common words.
        changed: Counts of tracks whose tags change, by facet and source.
        largest: The tracks with the largest changes.
        compared: Tracks that both have tagged at the same generation.
        only_first: Tracks that only the first has tagged.
        only_second: Tracks that only the second has tagged.
        other_generation: Tracks that both have tagged, but at no generation in common.
    """

    order: ComparisonOrder
    words_only_first: tuple[str, ...]
    words_only_second: tuple[str, ...]
    common: CommonWords
    tags: TagTally
    changed: ChangedTally
    largest: LargestChanges
    compared: int = 0
    only_first: int = 0
    only_second: int = 0
    other_generation: int = 0


def compare(order: ComparisonOrder, on_change: Callable[[ChangedTrack], None] | None = None) -> Comparison:
    """Compare two taggers.

    The rows are first laid aside in temporary files, by their track, and then matched part by part: in memory
    is a 256th of the catalog at a time, and on the disk some 700 bytes a row.

    Args:
        order: What is to be compared.
        on_change: Told of every track whose tags change.

    Raises:
        WrongCallError: One of the taggers has no rows there, or it is the same one twice, or no track has
            anything in the column.
        OutputError: The tables cannot be read.
        TemporaryFileError: The disk has no room for the rows.
    """
    if order.first == order.second:
        raise WrongCallError(f"{order.first} is named twice: name two taggers whose tags are to be compared")
    shared = SharedFolder()
    first, first_words = _laid_aside(order, order.first, shared)
    second, second_words = _laid_aside(order, order.second, shared)
    comparison = _begun(order, first_words, second_words)
    for part in matched_parts(first, second):
        comparison.compared += len(part.pairs)
        comparison.only_first += part.only_first
        comparison.only_second += part.only_second
        comparison.other_generation += part.other_generation
        sources = [_source(order, shared, *pair) for pair in part.pairs]
        for track in _counted(comparison, part.pairs, sources):
            comparison.largest.meet(track)
            if on_change:
                on_change(track)
    require_told_apart(order.output, order.column, comparison.changed.by_source)
    return comparison


def _laid_aside(order: ComparisonOrder, tagger: str, shared: SharedFolder) -> tuple[RowsLaidAside, Words]:
    words, rows = Words(), RowsLaidAside()

    def met() -> Iterator[StoredTags]:
        for row in stored_tags(order.output, tagger, order.column, words):
            shared.meet(row.uri)
            yield row

    if not rows.write(met()):
        there = ", ".join(taggers_with_rows(order.output)) or "none of any tagger"
        raise WrongCallError(f"{order.output} has no rows of {tagger}; it has {there}")
    return rows, words


def _begun(order: ComparisonOrder, first: Words, second: Words) -> Comparison:
    common = CommonWords.of(first, second)
    return Comparison(
        order,
        tuple(sorted(first.number_of.keys() - second.number_of.keys())),
        tuple(sorted(second.number_of.keys() - first.number_of.keys())),
        common,
        TagTally(len(common.tags)),
        ChangedTally(common.facets),
        LargestChanges(order.most_tracks),
    )


def _counted(
    comparison: Comparison, pairs: list[tuple[StoredTags, StoredTags]], sources: list[str]
) -> Iterator[ChangedTrack]:
    paired = Paired.of(pairs, comparison.common)
    comparison.tags.add(paired)
    comparison.changed.add(paired, sources)
    return changed_tracks(pairs, sources, paired, comparison.common)


def _source(order: ComparisonOrder, shared: SharedFolder, first: StoredTags, second: StoredTags) -> str:
    """Where a track comes from: as the second tagger's row says, if it does."""
    if order.column:
        return second.source or first.source
    return shared.source_of(second.uri or first.uri)
