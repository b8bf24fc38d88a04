"""Tracks that stand for others are those of the plain greedy way; a sample weighs as much as the whole."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from tonearm.learning.next_labels.coverage import alike, standing_for_others
from tonearm.learning.next_labels.pool import Pool


def test_the_order_is_that_of_reckoning_all_gains_anew_in_each_step() -> None:
    numbers = np.random.default_rng(1)
    vectors, covered = alike(
        numbers.normal(size=(80, 6)).astype(np.float32), numbers.normal(size=(3, 6)).astype(np.float32)
    )
    weights = numbers.uniform(0.1, 1, 80).astype(np.float32)
    similar = np.maximum(vectors @ vectors.T, 0) ** 4
    nearest = (np.maximum(vectors @ covered.T, 0) ** 4).max(axis=1)
    expected: list[int] = []
    for _ in range(12):
        gains = weights @ np.maximum(similar - nearest[:, None], 0)
        gains[[*expected, 7]] = -1
        expected.append(int(gains.argmax()))
        nearest = np.maximum(nearest, similar[:, expected[-1]])
    found = islice(standing_for_others(vectors, weights, covered, lambda place: place != 7), 12)
    assert list(found) == expected


def test_tracks_without_any_difference_can_be_told() -> None:
    vectors, covered = alike(np.ones((3, 2), np.float32), np.ones((1, 2), np.float32))
    order = standing_for_others(vectors, np.ones(3, np.float32), covered, lambda _: True)
    assert sorted(order) == [0, 1, 2]


def test_a_sample_stands_for_the_whole() -> None:
    """Of 2,000 members 300 are kept; the weighted sum is within some 5 % of the whole's."""
    weights = np.random.default_rng(2).beta(1, 5, 2000)
    pool: Pool[int] = Pool(300)
    for number, weight in enumerate(weights):
        pool.offer(f"track {number}", float(weight), number)
    kept = pool.members()
    assert len(kept) == 300
    assert sum(weight for _, weight in kept) == pytest.approx(weights.sum(), rel=0.05)
    assert np.mean([weights[member] for member, _ in kept]) > 1.5 * weights.mean()
    few: Pool[int] = Pool(300)
    few.offer("one", 0.25, 1)
    assert few.members() == [(1, pytest.approx(0.25))]
