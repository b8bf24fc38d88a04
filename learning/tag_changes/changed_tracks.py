"""Tracks whose tags change: which tags, and by how much, from the largest change to the smallest."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tonearm.learning.tag_changes.stored_tags import Selected, StoredTags
from tonearm.learning.tag_changes.tallies import CommonWords, Paired


@dataclass(frozen=True, slots=True)
class ChangedTag:
    """A tag that a track gained or lost.

    Attributes:
        tag: The tag.
        facet: Its facet.
        first: Score of the first tagger.
        second: Score of the second.
    """

    tag: str
    facet: str
    first: float
    second: float


@dataclass(frozen=True, slots=True)
class ChangedTrack:
    """A track that the second tagger selects other tags for than the first.

    Attributes:
        track_id: The track.
        generation: Version of its object.
        uri: Where it lies.
        source: Where it comes from.
        change: How far the scores of the tags that it gained or lost moved, summed up: a tag that just
            crosses its threshold counts for little.
        gained: Tags that only the second tagger selects.
        lost: Tags that only the first one does.
    """

    track_id: str
    generation: str
    uri: str
    source: str
    change: float
    gained: tuple[ChangedTag, ...]
    lost: tuple[ChangedTag, ...]


def changed_tracks(
    pairs: Sequence[tuple[StoredTags, StoredTags]],
    sources: Sequence[str],
    paired: Paired,
    common: CommonWords,
) -> Iterator[ChangedTrack]:
    """Those of some tracks whose tags change.

    Args:
        pairs: Rows of the tracks, by both taggers.
        sources: Where each comes from.
        paired: The same, laid out.
        common: The words of its columns.
    """
    gained, lost = paired.gained, paired.lost

    def tags(place: int, which: Selected) -> tuple[ChangedTag, ...]:
        return tuple(
            ChangedTag(
                common.tags[word],
                common.facets[word],
                float(paired.first[place, word]),
                float(paired.second[place, word]),
            )
            for word in np.flatnonzero(which[place])
        )

    for place in np.flatnonzero((gained | lost).any(axis=1)).tolist():
        first, second = pairs[place]
        more, fewer = tags(place, gained), tags(place, lost)
        change = sum(abs(tag.second - tag.first) for tag in (*more, *fewer))
        uri = second.uri or first.uri
        yield ChangedTrack(second.track_id, second.generation, uri, sources[place], change, more, fewer)


class LargestChanges:
    """The tracks with the largest changes among all that are met.

    Args:
        most: How many are kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._heap: list[tuple[float, int, str, ChangedTrack]] = []

    def meet(self, track: ChangedTrack) -> None:
        """Take a track into account."""
        number = len(track.gained) + len(track.lost)
        heapq.heappush(self._heap, (track.change, number, track.track_id, track))
        if len(self._heap) > self._most:
            heapq.heappop(self._heap)

    def in_order(self) -> list[ChangedTrack]:
        """The tracks, the largest change first; of equal ones that with more tags that changed."""
        return [track for *_, track in sorted(self._heap, key=lambda each: each[:3], reverse=True)]
