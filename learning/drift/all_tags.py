"""Whether all tags together are others than on other days: finds what moves many scores a little.

A worse encoding moves each tag less than the tracks of a day differ among themselves. But it moves them all
in one direction, in which tracks hardly differ otherwise: there it is found, by a regularized statistic of
Hotelling's.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

Numbers = NDArray[np.float64]

_MOST_TRACKS, _MOST_REFERENCE_TRACKS = 1000, 4000
"""Of more tracks so many are drawn: they show all that is large enough to matter."""

_RIDGE = 0.01
"""Added to each direction's variance, as a share of the mean one: of few tracks some directions show none."""

_ENOUGH = 10
"""Draws as far apart as the day, from which on no more are needed."""

_AT_ONCE = 250


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
    measured = float(_distance(whitened[: len(day)].mean(axis=0)))
    drawn = _drawn_distances(whitened, len(day), measured, math.ceil(_ENOUGH / rate), generator)
    as_far = int((drawn >= measured).sum())
    is_enough = as_far >= _ENOUGH
    probability = as_far / len(drawn) if is_enough else (as_far + 1) / (len(drawn) + 1)
    # The mean of all tracks lies between the two sides: the day is nearer to it than to the other days.
    apart = len(whitened) / (len(whitened) - len(day))
    distance = apart * math.sqrt(max(measured - float(drawn.mean()), 0.0))
    return float(2 * norm.cdf(distance / math.sqrt(2)) - 1), probability


def _some_of(tracks: Numbers, most: int, generator: np.random.Generator) -> Numbers:
    return tracks if len(tracks) <= most else generator.choice(tracks, most, replace=False)


def _whitened(tracks: Numbers) -> Numbers:
    """Tracks in directions that are independent and vary by 1, but for the ridge: float64 [tracks, tags]."""
    normal = norm.ppf((rankdata(tracks, axis=0) - 0.5) / len(tracks))
    centred = normal - normal.mean(axis=0)
    variances, directions = np.linalg.eigh(centred.T @ centred / len(centred))
    variances = np.maximum(variances, 0)
    scale = np.sqrt(variances + _RIDGE * max(float(variances.mean()), np.finfo(float).tiny))
    whitened: Numbers = centred @ directions / scale
    return whitened


def _distance(means: Numbers) -> Numbers:
    """Squared, from the mean of all tracks."""
    squared: Numbers = (means**2).sum(axis=-1)
    return squared


def _drawn_distances(
    whitened: Numbers, count: int, measured: float, most: int, generator: np.random.Generator
) -> Numbers:
    """Distances of as many tracks as the day has, drawn from all, up to the last draw that is needed."""
    distances: list[Numbers] = []
    as_far = 0
    for first in range(0, most, _AT_ONCE):
        some = min(_AT_ONCE, most - first)
        places = np.argpartition(generator.random((some, len(whitened))), count, axis=1)[:, :count]
        is_drawn = np.zeros((some, len(whitened)))
        np.put_along_axis(is_drawn, places, 1.0, axis=1)
        distances.append(_distance(is_drawn @ whitened / count))
        reached = as_far + np.cumsum(distances[-1] >= measured)
        as_far = int(reached[-1])
        if as_far >= _ENOUGH:
            distances[-1] = distances[-1][: int(np.argmax(reached >= _ENOUGH)) + 1]
            break
    return np.concatenate(distances)
