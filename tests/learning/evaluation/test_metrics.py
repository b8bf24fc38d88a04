"""Figures against values worked out by hand, and against definitions in plain numpy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonearm.learning.evaluation.metrics import (
    Decisions,
    Scores,
    decisions,
    mean_of_known,
    pr_auc,
    roc_auc,
    sum_of,
)


def _column(*values: float) -> Scores:
    return np.array(values)[:, None]


def test_figures_worked_out_by_hand() -> None:
    scores, truths = _column(0.9, 0.8, 0.7, 0.1), _column(1, -1, 1, -1).astype(int)
    assert roc_auc(scores, truths) == [3 / 4]
    assert pr_auc(scores, truths) == [pytest.approx((1 + 2 / 3) / 2)]


def test_tracks_of_which_nothing_is_known_do_not_count() -> None:
    scores, truths = _column(0.9, 0.2, 0.99, 0.01), _column(1, -1, 0, 0).astype(int)
    assert roc_auc(scores, truths) == pr_auc(scores, truths) == [1.0]
    assert decisions(scores, truths, [0.5]) == [Decisions(1, 0, 0, 1)]


@pytest.mark.parametrize("truths", [(1, 1), (-1, -1), (0, 0), (1, 0), (0, -1)])
def test_a_tag_without_positives_or_negatives_has_no_figure(truths: tuple[int, int]) -> None:
    scores = _column(0.9, 0.2)
    assert roc_auc(scores, _column(*truths).astype(int)) == [None]
    assert pr_auc(scores, _column(*truths).astype(int)) == [None]


def test_no_track_at_all_tells_nothing() -> None:
    empty = np.empty((0, 2))
    assert roc_auc(empty, empty.astype(int)) == [None, None]
    assert decisions(empty, empty.astype(int), [0.5, 0.5])[0].precision is None


def test_the_macro_mean_leaves_out_what_is_not_known() -> None:
    assert mean_of_known([0.5, None, 0.75]) == 0.625
    assert mean_of_known([None]) is None


def test_a_score_that_reaches_the_threshold_is_said() -> None:
    counted = decisions(_column(0.5, 0.4999), _column(1, 1).astype(int), [0.5])[0]
    assert counted == Decisions(1, 0, 1, 0)


def test_figures_at_a_threshold() -> None:
    counted = Decisions(true_positives=3, false_positives=1, false_negatives=2, true_negatives=4)
    assert (counted.precision, counted.recall, counted.f1) == (3 / 4, 3 / 5, pytest.approx(2 / 3))
    assert sum_of([counted, counted]) == Decisions(6, 2, 4, 8)


def test_nothing_said_and_nothing_to_find() -> None:
    none_found, none_there = Decisions(0, 0, 2, 1), Decisions(0, 2, 0, 1)
    assert (none_found.precision, none_found.recall, none_found.f1) == (None, 0, 0)
    assert (none_there.precision, none_there.recall, none_there.f1) == (0, None, None)


def test_shapes_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match=r"tracks, tags"):
        roc_auc(np.zeros((2, 1)), np.zeros((2, 2), int))


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.25, 0.5, 0.75]), st.sampled_from([-1, 0, 1])), max_size=20))
def test_auc_is_the_share_of_pairs_in_order(tracks: list[tuple[float, int]]) -> None:
    scores = _column(*(score for score, _ in tracks))
    truths = _column(*(truth for _, truth in tracks)).astype(int)
    positives, negatives = scores[truths > 0], scores[truths < 0]
    in_order = [float(high > low) + 0.5 * (high == low) for high in positives for low in negatives]
    expected = np.mean(in_order) if in_order else None
    assert roc_auc(scores, truths) == [expected if expected is None else pytest.approx(expected)]
