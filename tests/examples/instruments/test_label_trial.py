"""The trial of `label_next`: each way labels clips that have no labels yet, and what came out is told."""

from __future__ import annotations

import numpy as np
import pytest

from examples.instruments.label_trial.clips import LABELS, Clips
from examples.instruments.label_trial.figures import lines_of
from examples.instruments.label_trial.rounds import WAYS, Learned, Rounds, labelled_in_rounds
from tests.learning.next_labels.made_up_catalog import tagged


def clips(seed: int, number: int = 60) -> Clips:
    """Clips whose embeddings tell their labels."""
    numbers = np.random.default_rng(seed)
    truths = np.where(numbers.random((number, len(LABELS))) < 0.4, 1, -1).astype(np.int8)
    embeddings = (truths + numbers.normal(0, 1, truths.shape)).astype(np.float32)
    rows = [tagged(f"{seed}-{place}", {}) for place in range(number)]
    return Clips(rows, embeddings, truths, [row["track_id"] for row in rows])


@pytest.mark.parametrize(
    "way", [pytest.param(way, marks=() if way == "label_next" else pytest.mark.slow) for way in WAYS]
)
def test_labels_of_each_round_are_new_ones_and_teach(way: str) -> None:
    pool, test = clips(1), clips(2)
    seen: list[int] = []

    def watched(*arguments: object) -> np.ndarray:
        labelled = arguments[2]
        chosen = WAYS[way](*arguments)  # type: ignore[arg-type]
        assert not set(chosen) & set(labelled)  # type: ignore[call-overload]
        seen.extend(chosen)
        return chosen

    first, *_, last = labelled_in_rounds(pool, test, Rounds(10, 20, 2), watched, seed=0)
    assert (first.labels, last.labels) == (10, 50)
    assert len(set(seen)) == 40
    assert last.pr_auc > first.pr_auc


def test_what_came_out_is_told_against_chance() -> None:
    draws = {
        "chance": [[Learned(50, 0.4, 0.7), Learned(100, 0.5, 0.75)]] * 2,
        "label_next": [
            [Learned(50, 0.4, 0.7), Learned(100, 0.52, 0.76)],
            [Learned(50, 0.4, 0.7), Learned(100, 0.53, 0.77)],
        ],
        "uncertainty": [[Learned(50, 0.4, 0.7), Learned(100, 0.45, 0.74)]] * 2,
    }
    lines = list(lines_of(draws))
    assert lines[2] == "| 50 | chance | 0.400 |  | 0.700 |  | 50 |"
    assert lines[6] == (
        "| 100 | label_next | 0.525 | +0.025 (-0.039 to +0.089) | 0.765 | +0.015 (-0.049 to +0.079) "
        "| more than 100 |"
    )
    assert lines[7].endswith("| 75 |")
