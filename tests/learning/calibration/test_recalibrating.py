"""Curves and thresholds from a catalog's labels: their promise holds on tracks they were not fitted on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.learning.evaluation.tables import population, table
from tonearm.learning.calibration.recalibrating import LeftAsItWas, Recalibrated, recalibrated
from tonearm.learning.evaluation.metrics import decisions
from tonearm.learning.evaluation.reliability import reliability
from tonearm.learning.evaluation.resampling import Resampling
from tonearm.learning.evaluation.table import Table
from tonearm.models.bundles.calibration import PlattCalibration

FEW = Resampling(resamples=100)


def fitted(judged: Table, wanted: float | None = None) -> list[Recalibrated]:
    outcomes = recalibrated(judged, [None, None], wanted, FEW)
    assert all(isinstance(outcome, Recalibrated) for outcome in outcomes)
    return [outcome for outcome in outcomes if isinstance(outcome, Recalibrated)]


def applied(judged: Table, rules: list[Recalibrated]) -> Table:
    """The table of the new version."""
    scores = judged.scores.copy()
    for place, rule in enumerate(rules):
        if rule.calibration:
            scores[:, place] = rule.calibration.apply(judged.scores[:, place])
    tags = tuple(replace(tag, threshold=rule.threshold) for tag, rule in zip(judged.tags, rules, strict=True))
    return Table(tags, scores, judged.truths, judged.groups)


def test_the_calibration_error_falls_on_tracks_that_took_no_part() -> None:
    generator = np.random.default_rng(1)
    seen, unseen = population(generator, 150), population(generator, 400)
    new = applied(unseen, fitted(seen))
    for places in ([0], [1], [0, 1]):
        before, after = reliability(unseen, places).ece, reliability(new, places).ece
        assert before is not None and after is not None
        assert after < 0.8 * before


@pytest.mark.parametrize("wanted", [None, 0.8])
def test_what_is_expected_comes_about(wanted: float | None) -> None:
    generator = np.random.default_rng(2)
    rules = fitted(population(generator, 150), wanted)
    new = applied(population(generator, 3000), rules)
    for rule, counted in zip(rules, decisions(new.scores, new.truths, new.thresholds), strict=True):
        assert rule.precision.interval is not None and counted.precision is not None
        assert rule.precision.interval[0] <= counted.precision <= rule.precision.interval[1]
        assert rule.precision.value == pytest.approx(counted.precision, abs=0.06)
        assert rule.recall.value == pytest.approx(counted.recall, abs=0.06)
        assert wanted is None or counted.precision == pytest.approx(wanted, abs=0.08)


@pytest.mark.slow
def test_intervals_hold_what_comes_about_in_93_of_100_cases() -> None:
    """120 catalogs of two tags: each time the truth is looked up in 20,000 groups more."""
    everything = population(np.random.default_rng(99), 20_000)
    held, off = [], []
    for seed, groups, wanted in [(seed, *each) for seed in range(30) for each in CATALOGS]:
        outcomes = recalibrated(population(np.random.default_rng(seed), groups), [None, None], wanted, FEW)
        for place, rule in enumerate(outcomes):
            if not isinstance(rule, Recalibrated):
                continue
            for figure, truth in zip(
                (rule.precision, rule.recall), truths(everything, place, rule), strict=True
            ):
                assert figure.value is not None
                off.append(figure.value - truth)
                if figure.interval is not None:
                    held.append(figure.interval[0] <= truth <= figure.interval[1])
    assert np.mean(held) > 0.93 and len(held) > 300
    assert abs(np.mean(off)) < 0.02


CATALOGS = ((25, None), (25, 0.8), (60, None), (60, 0.8))
"""Groups, and the wanted precision."""


def truths(everything: Table, place: int, rule: Recalibrated) -> tuple[float, float]:
    """Precision and recall of a rule in a whole population."""
    known = everything.truths[:, place] != 0
    scores, holds = everything.scores[known, place], everything.truths[known, place] > 0
    said = (rule.calibration.apply(scores) if rule.calibration else scores) >= rule.threshold
    return holds[said].mean(), said[holds].mean()


def test_few_labels_leave_a_tag_as_it_was() -> None:
    few = table([[1, -1]] * 9 + [[-1, 0]] * 30, [[0.9, 0.1]] * 9 + [[0.1, 0.5]] * 30)
    outcomes = recalibrated(few, [None, None], None, FEW)
    assert [type(outcome) for outcome in outcomes] == [LeftAsItWas, LeftAsItWas]
    one_artist = table([[1]] * 20 + [[-1]] * 20, [[0.9]] * 20 + [[0.1]] * 20, [0] * 20 + list(range(1, 21)))
    (outcome,) = recalibrated(one_artist, [None], None, FEW)
    assert isinstance(outcome, LeftAsItWas)
    assert "1 groups" in outcome.why


def test_a_precision_that_cannot_be_had_leaves_a_tag_as_it_was() -> None:
    generator = np.random.default_rng(3)
    noise = table([[1], [-1], [-1], [-1]] * 20, generator.random((80, 1)).tolist())
    (outcome,) = recalibrated(noise, [None], 0.99, FEW)
    assert isinstance(outcome, LeftAsItWas)
    assert "precision of 0.99" in outcome.why


def test_a_good_curve_is_not_given_up_for_one_of_few_tracks() -> None:
    generator = np.random.default_rng(4)
    many = population(generator, 500)
    good = fitted(many)[0].calibration
    few = population(generator, 12).of_labels(["a"])
    (outcome,) = recalibrated(few, [good], None, FEW)
    assert isinstance(outcome, Recalibrated)
    assert outcome.ece_after <= outcome.ece_before or not outcome.is_new_curve
    assert isinstance(outcome.calibration, PlattCalibration) or outcome.calibration == good
