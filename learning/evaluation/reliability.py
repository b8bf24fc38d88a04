"""Whether a score is a probability: of the tracks that score 0.8, eight in ten should have the tag."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tonearm.learning.evaluation.table import Table

BINS = 10
"""Bins of equal width: a score s falls into bin floor(10 s), 1 into the last."""


@dataclass(frozen=True, slots=True)
class Bin:
    """Scores of like height.

    Attributes:
        low: Where the bin begins.
        high: Where it ends.
        pairs: Pairs of a track and a tag whose score falls into it, and whose truth is known.
        mean_score: Mean of these scores; None if there are none.
        share: Share of the pairs in which the tag holds; None if there are none.
    """

    low: float
    high: float
    pairs: int
    mean_score: float | None
    share: float | None


@dataclass(frozen=True, slots=True)
class Reliability:
    """How far scores are from probabilities.

    Attributes:
        bins: From 0 to 1.
        ece: Expected calibration error: mean distance of a bin's share from its mean score, weighted by
            pairs (Guo et al. 2017, arXiv 1706.04599); None if nothing is known.
        ece_by_chance: What perfectly calibrated scores would show on so few pairs, on average, as truths are
            drawn by chance: sum over bins of sqrt(2 v / pi) / pairs, with v a bin's sum of s (1 - s).
    """

    bins: tuple[Bin, ...]
    ece: float | None
    ece_by_chance: float | None


def reliability(table: Table, places: Sequence[int]) -> Reliability:
    """Judge the scores of some tags, all pairs of tracks and tags together."""
    scores, truths = table.scores[:, places], table.truths[:, places]
    known = truths != 0
    held, said = truths[known] > 0, scores[known]
    numbers = np.minimum((said * BINS).astype(int), BINS - 1)
    bins, error, by_chance = [], 0.0, 0.0
    for number in range(BINS):
        inside = numbers == number
        count = int(inside.sum())
        mean_score = float(said[inside].mean()) if count else None
        share = float(held[inside].mean()) if count else None
        bins.append(Bin(number / BINS, (number + 1) / BINS, count, mean_score, share))
        if mean_score is not None and share is not None:
            error += count / len(said) * abs(share - mean_score)
            variance = float((said[inside] * (1 - said[inside])).sum())
            by_chance += math.sqrt(2 * variance / math.pi) / len(said)
    return Reliability(tuple(bins), error, by_chance) if len(said) else Reliability(tuple(bins), None, None)
