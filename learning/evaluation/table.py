"""Truths and scores of all tracks and tags, side by side, as figures are reckoned from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tonearm.learning.evaluation.metrics import Scores, Truths
from tonearm.learning.evaluation.tracks.judged import JudgedTrack
from tonearm.learning.evaluation.tracks.vocabulary import JudgedTag


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """What one tagger says of all tracks, and what is so.

    Attributes:
        tags: The tags that are judged, facet by facet.
        scores: float64 [tracks, tags].
        truths: int8 [tracks, tags].
        groups: int [tracks], the number of each track's group, from 0; a track without one is its own.
    """

    tags: tuple[JudgedTag, ...]
    scores: Scores
    truths: Truths
    groups: npt.NDArray[np.intp]

    @property
    def thresholds(self) -> list[float]:
        """Threshold by tag."""
        return [tag.threshold for tag in self.tags]

    @property
    def facets(self) -> dict[str, list[int]]:
        """Places of the tags by facet."""
        places: dict[str, list[int]] = {}
        for place, tag in enumerate(self.tags):
            places.setdefault(tag.facet, []).append(place)
        return places

    def of_tracks(self, chosen: npt.NDArray[np.bool_]) -> Table:
        """The same of some tracks."""
        return Table(self.tags, self.scores[chosen], self.truths[chosen], _numbered(self.groups[chosen]))

    def of_labels(self, labels: Sequence[str]) -> Table:
        """The same of some labels, which it has, in their order."""
        places = [[tag.label for tag in self.tags].index(label) for label in labels]
        tags = tuple(self.tags[place] for place in places)
        return Table(tags, self.scores[:, places], self.truths[:, places], self.groups)


def table_of(tracks: Sequence[JudgedTrack], tags: tuple[JudgedTag, ...], tagger: int) -> Table:
    """Lay truths and scores side by side.

    Args:
        tracks: At least one.
        tags: Those that are judged.
        tagger: Which of each track's scores: 0 for the tagger, 1 for the baseline.
    """
    return Table(
        tags=tags,
        scores=np.array([[track.scores[tagger].tags[tag.tag] for tag in tags] for track in tracks]),
        truths=np.array([[track.truths[tag.label] for tag in tags] for track in tracks], np.int8),
        groups=_numbered([track.group or ("", place) for place, track in enumerate(tracks)]),
    )


def _numbered(groups: Sequence[object] | npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Groups as numbers, in the order in which they first come up."""
    numbers: dict[object, int] = {}
    return np.array([numbers.setdefault(group, len(numbers)) for group in groups], np.intp)
