"""Where to draw the line: from which probability on a tag is said of a track."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

LOWEST, HIGHEST = 0.05, 0.95
"""A threshold chosen on few tracks is kept from saying a tag of everything or of nothing."""

LOWEST_OF_ALL = 1e-6
"""The lowest threshold that a bundle may have."""

_FEWEST_SAID = 5
"""Of fewer tracks a precision says nothing."""


Places = npt.NDArray[np.intp]
Values = npt.NDArray[np.float64]
Counts = tuple[Values, Values]


@dataclass(frozen=True, slots=True)
class Ranking:
    """Tracks by falling probability. A threshold lies behind one of them, its place; -1: before all.

    Attributes:
        probabilities: float64 [tracks], falling.
        holds: bool [tracks], whether each has the tag.
        order: int [tracks], where each stood before.
    """

    probabilities: Values
    holds: npt.NDArray[np.bool_]
    order: Places

    @classmethod
    def of(cls, probabilities: Values, holds: npt.NDArray[np.bool_]) -> Self:
        """The ranking of tracks in any order."""
        order = np.argsort(-probabilities, kind="stable")
        return cls(probabilities[order], holds[order], order)

    def best_f1_places(self, counts: Counts) -> Places:
        """Where F1 is best, by what :meth:`counts` gives; see ``best_f1_threshold``."""
        said, found = counts
        f1 = 2 * found / np.maximum(said + found[..., -1:], np.finfo(float).tiny)
        best: Places = np.argmax(np.where(self._may_end, f1, -1), axis=-1)
        return best

    def precision_places(self, counts: Counts, wanted: float) -> Places:
        """The last place with a wanted precision, -1 if none has it; see ``precision_threshold``."""
        said, found = counts
        reaches = (found >= wanted * said) & self._may_end & (said >= _FEWEST_SAID)
        last = reaches.shape[-1] - 1 - np.argmax(reaches[..., ::-1], axis=-1)
        return np.where(reaches.any(axis=-1), last, -1)

    def within_bounds(self, places: Places) -> Places:
        """The places of thresholds that are kept between ``LOWEST`` and ``HIGHEST``."""
        first, last = (np.count_nonzero(self.probabilities >= end) - 1 for end in (HIGHEST, LOWEST))
        return np.clip(places, first, last)

    def counts(self, weights: Values) -> Counts:
        """How many tracks are said to have the tag down to each place, and how many of them have it.

        Args:
            weights: float64 [..., tracks], as how many each counts, in the order before ranking.
        """
        ranked = weights[..., self.order]
        return ranked.cumsum(axis=-1), (ranked * self.holds).cumsum(axis=-1)

    def threshold(self, place: int) -> float:
        """In the middle between the probability at a place and the next one below it."""
        below = self.probabilities[place + 1] if place + 1 < len(self.probabilities) else 0.0
        return float((self.probabilities[place] + below) / 2)

    @property
    def _may_end(self) -> npt.NDArray[np.bool_]:
        """Tracks of one probability are said to have a tag together."""
        return np.append(self.probabilities[1:] < self.probabilities[:-1], True)


def best_f1_threshold(probabilities: npt.NDArray[np.float64], truths: npt.NDArray[np.int8]) -> float:
    """The threshold with the best F1, the harmonic mean of precision and recall.

    It lies in the middle between the lowest probability that is still said and the next one below it.

    Args:
        probabilities: float64 [tracks], 0 to 1.
        truths: int8 [tracks]: 1 it holds, -1 it does not; tracks of which it is not known (0) do not count.

    Returns:
        Between ``LOWEST`` and ``HIGHEST``; 0.5 if it holds for no track.

    Example:
        >>> best_f1_threshold(np.array([0.9, 0.7, 0.3, 0.1]), np.array([1, 1, -1, -1], np.int8))
        0.5
    """
    known = truths != 0
    ranking = Ranking.of(probabilities[known], truths[known] > 0)
    if not ranking.holds.any():
        return 0.5
    place = int(ranking.best_f1_places(ranking.counts(np.ones(len(ranking.holds)))))
    return float(np.clip(ranking.threshold(place), LOWEST, HIGHEST))


def precision_threshold(
    probabilities: npt.NDArray[np.float64], truths: npt.NDArray[np.int8], wanted: float
) -> float | None:
    """The lowest threshold from which on a wanted share of the tracks that get the tag have it.

    Args:
        probabilities: float64 [tracks], 0 to 1.
        truths: int8 [tracks]: 1 it holds, -1 it does not; tracks of which it is not known (0) do not count.
        wanted: The precision, above 0 to 1.

    Returns:
        It lies in the middle between the lowest probability that is said and the next one below it; None if
        no threshold at which five tracks or more get the tag reaches the precision.

    Example:
        >>> probabilities = np.array([0.9, 0.8, 0.7, 0.65, 0.6, 0.4, 0.2])
        >>> precision_threshold(probabilities, np.array([1, 1, 1, 1, 1, -1, -1], np.int8), 0.9)
        0.5
    """
    known = truths != 0
    ranking = Ranking.of(probabilities[known], truths[known] > 0)
    place = int(ranking.precision_places(ranking.counts(np.ones(len(ranking.holds))), wanted))
    return None if place < 0 else float(np.clip(ranking.threshold(place), LOWEST_OF_ALL, 1.0))
