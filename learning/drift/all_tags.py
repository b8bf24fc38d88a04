"""Whether all tags together are others than on other days: finds what moves many scores a little.

A worse encoding moves each tag less than the tracks of a day differ among themselves. But it moves them all
in one direction, in which tracks hardly differ otherwise: there it is found, by a regularized statistic of
Hotelling's.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.stats import norm, rankdata

Numbers = NDArray[np.float64]

_MOST_TRACKS, _MOST_REFERENCE_TRACKS = 1000, 4000
"""Of more tracks so many are drawn: they show all that is large enough to matter."""

_RIDGE = 0.01
"""Added to each direction's variance, as a share of the mean one: of few tracks some directions show none."""

_ENOUGH = 10
"""Draws as far apart as the day, from which on no more are needed."""


def joint_shift(day: Numbers, reference: Numbers, rate: float) -> tuple[float, float]:
    """How far a day's tracks lie from those of other days in the direction in which they differ most.

    Scores are replaced by their normal scores (van der Waerden 1952), so that a few outliers move nothing,
    and directions are put on one scale by the covariance of all tracks, with a ridge (Chen, Paul, Prentice
    and Wang 2011, doi:10.1198/jasa.2011.ap10599). What chance alone does is found by drawing tracks for the
    day from all of them, until enough draws lie as far apart (Besag and Clifford 1991,
    doi:10.1093/biomet/78.2.301): the probability holds whatever the scores are like.

    Args:
        day: float64 [tracks, tags].
        reference: float64 [other tracks, tags].
        rate: Probabilities have to be told apart from this one; far smaller ones are not.

    Returns:
        The shift, on the scale of :func:`.statistics.rank_shift` if scores were normal, from 0 on, after what
        chance brings about on average is taken off; and the probability of one as large by chance.

    Example:
        >>> numbers = np.random.default_rng(1)
        >>> tracks = numbers.normal(0, 1, (300, 1)) + numbers.normal(0, 0.1, (300, 5))
        >>> shift, probability = joint_shift(tracks[:40] + [0.1, 0, -0.1, 0, 0.1], tracks[40:], rate=0.01)
        >>> shift > 0.5 and probability < 0.01
        True
    """
    generator = np.random.default_rng(len(day))
    day = _some_of(day, _MOST_TRACKS, generator)
    whitened = _whitened(np.concatenate([day, _some_of(reference, _MOST_REFERENCE_TRACKS, generator)]))
    measured = _distance(whitened[: len(day)])
    probability = _probability(whitened, len(day), measured, math.ceil(_ENOUGH / rate), generator)
    # The mean of all tracks lies between the two sides: the day is nearer to it than to the other days.
    apart = len(whitened) / (len(whitened) - len(day))
    distance = apart * math.sqrt(max(measured - _distance_by_chance(whitened, len(day)), 0.0))
    return float(2 * norm.cdf(distance / math.sqrt(2)) - 1), probability


def _some_of(tracks: Numbers, most: int, generator: np.random.Generator) -> Numbers:
    return tracks if len(tracks) <= most else generator.choice(tracks, most, replace=False)


def _whitened(tracks: Numbers) -> Numbers:
    """Tracks in directions that are independent and vary by 1, but for the ridge: float64 [tracks, tags]."""
    normal = norm.ppf((rankdata(tracks, axis=0) - 0.5) / len(tracks))
    centred = normal - normal.mean(axis=0)
    covariance = centred.T @ centred / len(centred)
    ridge = _RIDGE * covariance.diagonal().mean() + np.finfo(float).eps
    factor = np.linalg.cholesky(covariance + ridge * np.eye(len(covariance)))
    whitened: Numbers = solve_triangular(factor, centred.T, lower=True).T
    return np.ascontiguousarray(whitened)


def _distance(some: Numbers) -> float:
    """How far some tracks' mean lies from that of all, squared."""
    return float((some.mean(axis=0) ** 2).sum())


def _distance_by_chance(whitened: Numbers, count: int) -> float:
    """What :func:`_distance` is on average for tracks drawn without replacement."""
    tracks = len(whitened)
    return float((whitened**2).sum()) / tracks / count * (tracks - count) / (tracks - 1)


def _probability(
    whitened: Numbers, count: int, measured: float, most: int, generator: np.random.Generator
) -> float:
    """How often tracks drawn from all lie as far apart as measured."""
    as_far = 0
    for draws in range(1, most + 1):
        drawn = generator.choice(len(whitened), count, replace=False, shuffle=False)
        as_far += _distance(whitened[drawn]) >= measured
        if as_far == _ENOUGH:
            return as_far / draws
    return (as_far + 1) / (most + 1)
