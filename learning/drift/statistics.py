"""Whether numbers of one day are drawn as those of other days: tests, sizes of shifts, what to trust."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import fisher_exact, rankdata

Numbers = NDArray[np.float64]

_BINS = 10

_EMPTY_BIN = 0.5
"""Counted for every bin, so that an empty one gives no infinite index."""


def rank_shift(day: Numbers, reference: Numbers) -> tuple[float, float]:
    """How far the day's values lie above or below those of other days.

    Args:
        day: Values of the day.
        reference: Values of the other days.

    Returns:
        The shift, from -1 (all below) over 0 (alike) to 1 (all above), which is Cliff's delta (Cliff 1993,
        doi:10.1037/0033-2909.114.3.494), and the probability of one as large by chance, by the rank test of
        Mann and Whitney (1947, doi:10.1214/aoms/1177730491) with its normal approximation.

    Example:
        >>> shift, probability = rank_shift(np.array([3.0, 4.0]), np.array([1.0, 2.0, 3.0]))
        >>> round(shift, 3)
        0.833
    """
    tracks, others = len(day), len(reference)
    pairs, of_all = tracks * others, tracks + others
    together = np.concatenate([day, reference])
    wins = float(rankdata(together)[:tracks].sum()) - tracks * (tracks + 1) / 2
    ties = np.unique(together, return_counts=True)[1].astype(np.float64)
    variance = pairs / 12 * (of_all + 1 - float((ties**3 - ties).sum()) / (of_all * (of_all - 1)))
    shift = 2 * wins / pairs - 1
    if variance <= 0:  # all values are the same
        return shift, 1.0
    away = (abs(wins - pairs / 2) - 0.5) / math.sqrt(variance)
    return shift, min(math.erfc(away / math.sqrt(2)), 1.0)


def stability_index(day: Numbers, reference: Numbers) -> float:
    """The population stability index of a day: 0 where values are spread alike, above 0.2 where they are not.

    Sum over bins of ``(p - q) * ln(p / q)``, with shares p of the day and q of the reference, in bins that
    hold a tenth of the reference each (Yurdakul and Naranjo 2020, doi:10.21314/JRMV.2020.227). A small day
    has some index by chance alone, about ``9 / n`` for n values.
    """
    edges = np.unique(np.quantile(reference, np.linspace(0, 1, _BINS + 1)[1:-1]))
    shares = []
    for values in (day, reference):
        counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)
        smoothed = counts + _EMPTY_BIN
        shares.append(smoothed / smoothed.sum())
    of_day, of_reference = shares
    return float(((of_day - of_reference) * np.log(of_day / of_reference)).sum())


def share_shift(day: tuple[int, int], reference: tuple[int, int]) -> tuple[float, float]:
    """How much more often something happened on a day than on other days.

    Args:
        day: How often, and of how many.
        reference: The same of the other days.

    Returns:
        The difference of the shares, and the probability of one as large by chance, by Fisher's exact test.
    """
    (happened, of_all), (happened_before, of_all_before) = day, reference
    table = [[happened, of_all - happened], [happened_before, of_all_before - happened_before]]
    probability = float(fisher_exact(table).pvalue)
    return happened / of_all - happened_before / of_all_before, probability


def trusted(probabilities: Sequence[float], rate: float) -> list[bool]:
    """Which of many tests to trust, so that on a day without any change all are distrusted with 1 - ``rate``.

    Holm's procedure (1979, jstor.org/stable/4615733), which holds however the tests depend on one another.

    Example:
        >>> trusted([0.001, 0.03, 0.9], rate=0.05)
        [True, False, False]
    """
    order = np.argsort(probabilities, kind="stable")
    told = [False] * len(probabilities)
    for rank, place in enumerate(order):
        if not probabilities[place] <= rate / (len(probabilities) - rank):
            break
        told[place] = True
    return told
