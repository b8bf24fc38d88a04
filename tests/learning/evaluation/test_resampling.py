"""Intervals: the same at every call, wider for fewer groups, and right as often as they claim."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.learning.evaluation.tables import population, table
from tonearm.learning.evaluation.comparison import compare
from tonearm.learning.evaluation.figures import FIGURES, figures_of
from tonearm.learning.evaluation.resampling import Resampling

FEW = Resampling(resamples=200)


def test_the_same_seed_gives_the_same_interval() -> None:
    judged = population(np.random.default_rng(1), 30)
    first, second = figures_of(judged, FEW), figures_of(judged, FEW)
    assert first.of_tags == second.of_tags
    assert first.overall["roc_auc"].interval is not None
    other = figures_of(judged, replace(FEW, seed=1))
    assert first.overall["roc_auc"].interval != other.overall["roc_auc"].interval


def test_tracks_of_one_group_are_no_independent_witnesses() -> None:
    generator = np.random.default_rng(2)
    holds = generator.random(40) < 0.5
    scores = 1 / (1 + np.exp(-(holds + generator.normal(0, 1, 40))))
    truths = np.where(holds, 1, -1)
    apart = table(truths[:, None].tolist(), scores[:, None].tolist())
    copied = table(
        np.repeat(truths, 10)[:, None].tolist(),
        np.repeat(scores, 10)[:, None].tolist(),
        np.repeat(np.arange(40), 10).tolist(),
    )
    one, many = (figures_of(each, FEW).overall["roc_auc"].interval for each in (apart, copied))
    assert one is not None and many is not None
    assert one == pytest.approx(many, abs=1e-9)


def test_few_groups_and_faultless_scores_have_no_interval() -> None:
    four_groups = table([[1], [-1]] * 8, [[0.9], [0.2]] * 7 + [[0.1], [0.95]], [0, 1, 2, 3] * 4)
    assert figures_of(four_groups, FEW).overall["roc_auc"].interval is None
    faultless = figures_of(table([[1], [-1]] * 8, [[0.9], [0.2]] * 8), FEW)
    assert faultless.overall["roc_auc"].value == 1
    assert faultless.overall["roc_auc"].interval is None


def test_a_tagger_beside_itself_differs_by_nothing() -> None:
    judged = population(np.random.default_rng(3), 20)
    differences = compare(judged, judged, FEW).overall_differences
    assert {differences[name].value for name in FIGURES} == {0}


@pytest.mark.slow
@pytest.mark.parametrize("groups", [25, 80])
def test_intervals_hold_the_true_value_as_often_as_they_claim(groups: int) -> None:
    generator = np.random.default_rng(groups)
    whole = population(generator, 20_000)
    truth = figures_of(whole, Resampling(resamples=1)).overall
    worse = replace(whole, scores=whole.scores * generator.uniform(0.3, 1, whole.scores.shape))
    true_difference = compare(whole, worse, Resampling(resamples=1)).overall_differences["pr_auc"].value
    held = dict.fromkeys((*FIGURES, "difference"), 0)
    worlds = 300
    for _ in range(worlds):
        judged = population(generator, groups)
        other = replace(judged, scores=judged.scores * generator.uniform(0.3, 1, judged.scores.shape))
        comparison = compare(judged, other, Resampling(resamples=300))
        for name in FIGURES:
            held[name] += _holds(comparison.of_tagger.overall[name].interval, truth[name].value)
        held["difference"] += _holds(comparison.overall_differences["pr_auc"].interval, true_difference)
    coverage = {name: count / worlds for name, count in held.items()}
    assert min(coverage.values()) > 0.9, coverage
    assert max(coverage.values()) < 0.995, coverage


def _holds(interval: tuple[float, float] | None, value: float | None) -> bool:
    assert interval is not None and value is not None
    return interval[0] <= value <= interval[1]
