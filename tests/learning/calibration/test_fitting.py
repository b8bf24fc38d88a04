"""Calibration: probabilities that hold, curves that never fall, thresholds within bounds."""

from __future__ import annotations

import numpy as np
import pytest

from tonearm.learning.calibration.fitting import ENOUGH_FOR_ISOTONIC, UnfittableError, fit_calibration
from tonearm.learning.calibration.thresholds import HIGHEST, LOWEST, best_f1_threshold
from tonearm.models.bundles.calibration import IsotonicCalibration, PlattCalibration


def scored(tracks: int, slope: float, offset: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores, truths drawn by the probabilities sigmoid(slope * logit(score) + offset), and these."""
    numbers = np.random.default_rng(tracks)
    scores = numbers.uniform(0.01, 0.99, tracks)
    probabilities = 1 / (1 + np.exp(-(slope * np.log(scores / (1 - scores)) + offset)))
    truths = np.where(numbers.random(tracks) < probabilities, 1, -1).astype(np.int8)
    return scores, truths, probabilities


def test_few_tracks_get_a_logistic_curve_that_is_close() -> None:
    scores, truths, probabilities = scored(150, slope=0.5, offset=-1.0)
    assert min((truths > 0).sum(), (truths < 0).sum()) < ENOUGH_FOR_ISOTONIC
    curve = fit_calibration(scores, truths)
    assert isinstance(curve, PlattCalibration)
    assert np.abs(curve.apply(scores) - probabilities).mean() < 0.06
    assert np.abs(scores - probabilities).mean() > 0.15


def test_many_tracks_get_a_free_curve_that_never_falls() -> None:
    scores, truths, probabilities = scored(4000, slope=0.5, offset=-1.0)
    curve = fit_calibration(scores, truths)
    assert isinstance(curve, IsotonicCalibration)
    assert np.abs(curve.apply(scores) - probabilities).mean() < 0.03
    assert (np.diff(curve.scores) > 0).all() and (np.diff(curve.probabilities) >= 0).all()


def test_unknown_truths_change_nothing() -> None:
    scores, truths, _ = scored(80, slope=1.0, offset=0.0)
    more = np.append(scores, [0.1, 0.9]), np.append(truths, [0, 0]).astype(np.int8)
    assert fit_calibration(*more) == fit_calibration(scores, truths)


@pytest.mark.parametrize("scores", [[0.9, 0.8, 0.2, 0.1], [0.5, 0.5, 0.5, 0.5], [0.50001, 0.50002, 0.6, 0.7]])
def test_a_score_that_tells_nothing_still_gives_a_curve_that_rises(scores: list[float]) -> None:
    truths = np.array([-1, -1, 1, -1], np.int8)
    curve = fit_calibration(np.array(scores), truths)
    assert isinstance(curve, PlattCalibration) and 0 < curve.slope <= 1e3 and abs(curve.offset) <= 1e3
    assert (np.abs(curve.apply(np.array(scores)) - 0.33) < 0.2).all()


def test_one_kind_of_track_is_not_enough() -> None:
    for said in (1, -1, 0):
        with pytest.raises(UnfittableError):
            fit_calibration(np.array([0.2, 0.7]), np.array([said, said], np.int8))


def test_the_threshold_has_the_best_f1() -> None:
    probabilities, truths, _ = scored(300, slope=1.0, offset=0.0)
    best = best_f1_threshold(probabilities, truths)

    def f1(threshold: float) -> float:
        said, holds = probabilities >= threshold, truths > 0
        return 2 * (said & holds).sum() / (said.sum() + holds.sum())

    assert f1(best) >= max(f1(threshold) for threshold in np.linspace(LOWEST, HIGHEST, 91)) - 1e-12


def test_the_threshold_stays_within_bounds() -> None:
    certain = np.array([0.999, 0.998, 0.001]), np.array([1, 1, 1], np.int8)
    assert best_f1_threshold(*certain) == LOWEST
    assert best_f1_threshold(np.array([0.999, 0.998]), np.array([1, -1], np.int8)) == HIGHEST
    assert best_f1_threshold(np.array([0.4, 0.2]), np.array([-1, 0], np.int8)) == 0.5


@pytest.mark.parametrize("spread", [0.0005, 0.05, 1.0, 4.0])
def test_the_logistic_curve_is_the_best_one_however_close_scores_are(spread: float) -> None:
    logits = np.random.default_rng(3).normal(0, spread, 160)
    scores = 1 / (1 + np.exp(-logits))
    holds = np.random.default_rng(4).random(160) < 1 / (1 + np.exp(-logits / spread))
    assert min(holds.sum(), (~holds).sum()) < ENOUGH_FOR_ISOTONIC
    curve = fit_calibration(scores, np.where(holds, 1, -1).astype(np.int8))
    assert isinstance(curve, PlattCalibration)
    positives, negatives = holds.sum(), (~holds).sum()
    target = np.where(holds, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    too_high = curve.apply(scores) - target
    if curve.slope < 50:  # the bound
        assert abs(too_high.mean()) < 1e-5 and abs((too_high * logits / spread).mean()) < 1e-5
    else:
        assert spread < 0.05


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("score", [0.0, 0.3, 1.0])
def test_scores_that_are_all_the_same_warn_of_nothing(score: float) -> None:
    curve = fit_calibration(np.full(30, score), np.array([1, -1, -1] * 10, np.int8))
    assert float(curve.apply(np.array([score]))[0]) == pytest.approx(1 / 3, abs=0.03)
