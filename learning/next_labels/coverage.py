"""Tracks that stand for many others: greedy facility location over embeddings.

Facility location (Krause and Golovin 2014, "Submodular Function Maximization") values a set of tracks by how
similar the nearest of them is to each track there is. The greedy way adds the track that raises this most,
and comes within a factor of 1 - 1/e of the best set (Nemhauser, Wolsey and Fisher 1978,
doi:10.1007/BF01588971). Gains only fall, so one that was reckoned earlier is a bound, and few are reckoned
anew in a step (Minoux 1978, doi:10.1007/BFb0006528).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
Weights = npt.NDArray[np.float32]

_AT_ONCE = 256
"""Tracks whose similarities to all are reckoned together: of 20,000 tracks they take 20 MB."""


def alike(vectors: Vectors, covered: Vectors) -> tuple[Vectors, Vectors]:
    """Embeddings as they are compared: each dimension with mean 0 and deviation 1, each track of length 1.

    Args:
        vectors: float32 [tracks, dim], by which dimensions are scaled.
        covered: float32 [further tracks, dim].
    """
    mean, deviation = vectors.mean(axis=0), vectors.std(axis=0)
    deviation[deviation == 0] = 1
    first, second = (((each - mean) / deviation).astype(np.float32) for each in (vectors, covered))
    return _of_length_one(first), _of_length_one(second)


def standing_for_others(
    vectors: Vectors, weights: Weights, covered: Vectors, may_follow: Callable[[int], bool]
) -> Iterator[int]:
    """Places of tracks, the one first that adds most to what those before it stand for.

    Args:
        vectors: float32 [tracks, dim], of length 1.
        weights: float32 [tracks], how much each counts as one that is stood for.
        covered: float32 [further tracks, dim], of length 1: tracks that stand for others already.
        may_follow: Asked of a track when it is next; what it refuses is left out.

    Yields:
        Each place once, without an end before all are told.
    """
    nearest = np.zeros(len(vectors), np.float32)
    for first in range(0, len(covered), _AT_ONCE):
        nearest = np.maximum(nearest, _similarities(vectors, covered[first : first + _AT_ONCE]).max(axis=1))
    bounds = [
        (-gain, place)
        for first in range(0, len(vectors), _AT_ONCE)
        for place, gain in enumerate(_gains(vectors, slice(first, first + _AT_ONCE), nearest, weights), first)
    ]
    heapq.heapify(bounds)
    while bounds:
        _, place = bounds[0]
        if not may_follow(place):
            heapq.heappop(bounds)
            continue
        (gain,) = _gains(vectors, slice(place, place + 1), nearest, weights)
        heapq.heapreplace(bounds, (-gain, place))
        if bounds[0][1] == place:
            heapq.heappop(bounds)
            yield place
            nearest = np.maximum(nearest, _similarities(vectors, vectors[place : place + 1])[:, 0])


def _gains(vectors: Vectors, places: slice, nearest: Weights, weights: Weights) -> list[float]:
    """What tracks would add to the similarity of each track to the nearest one."""
    added = np.maximum(_similarities(vectors, vectors[places]) - nearest[:, None], 0)
    gains: list[float] = (weights @ added).tolist()
    return gains


def _similarities(vectors: Vectors, others: Vectors) -> Vectors:
    """float32 [tracks, others]: the fourth power of the cosine, 0 for those that point away from each other.

    So a track stands for its like, and next to nothing for what is only no opposite of it. Measured, the
    first power taught less; from the third on it made no difference.
    """
    squares = np.maximum(vectors @ others.T, 0) ** 2
    return squares * squares


def _of_length_one(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.maximum(lengths, np.finfo(np.float32).tiny)).astype(np.float32)
