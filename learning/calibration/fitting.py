"""Fits the curve from a tag's scores to probabilities on tracks that were held back from training."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from tonearm.models.bundles.calibration import IsotonicCalibration, PlattCalibration

ENOUGH_FOR_ISOTONIC = 100
"""Tracks with the tag, and as many without it, from which on the free curve is fitted. Below some hundreds of
points it follows chance where the logistic curve does not (Niculescu-Mizil and Caruana 2005, ICML)."""

_SLOPES = (0.01, 50.0)
"""Scores that rank no better than chance would get a level or a falling curve, scores that hardly differ a
cliff; neither is likely to hold for other tracks."""

_EDGE = 1e-7

Scores = npt.NDArray[np.float64]
Truths = npt.NDArray[np.int8]


class UnfittableError(ValueError):
    """A curve needs tracks with the tag and tracks without it."""


def fit_calibration(scores: Scores, truths: Truths) -> PlattCalibration | IsotonicCalibration:
    """Fit a tag's curve: a free one that never falls if there are tracks enough, else a logistic one.

    Args:
        scores: float64 [tracks], 0 to 1.
        truths: int8 [tracks]: 1 it holds, -1 it does not; tracks of which it is not known (0) do not count.

    Raises:
        UnfittableError: The tag holds for all tracks, or for none.
    """
    known = truths != 0
    scores, holds = scores[known], truths[known] > 0
    rarer = min(int(holds.sum()), int((~holds).sum()))
    if not rarer:
        raise UnfittableError("the tag holds for all tracks, or for none")
    return fit_isotonic(scores, holds) if rarer >= ENOUGH_FOR_ISOTONIC else fit_platt(scores, holds)


def fit_platt(scores: Scores, holds: npt.NDArray[np.bool_]) -> PlattCalibration:
    """Fit ``sigmoid(slope * logit(score) + offset)``.

    Targets are a little less sure than the truth, as if a track more of each kind had been seen, so that a
    tag that few tracks have does not get probabilities of 0 and 1 (Platt 1999, section 2.2).
    """
    logits = _logit(np.clip(scores, _EDGE, 1 - _EDGE))
    positives, negatives = int(holds.sum()), int((~holds).sum())
    target = np.where(holds, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    slope, offset = _logistic_curve(logits, target)
    bounded = float(np.clip(slope, *_SLOPES))
    if bounded == slope:
        return PlattCalibration(slope, offset)
    share = (positives + 1) / (positives + negatives + 2)
    return PlattCalibration(bounded, float(_logit(share) - bounded * logits.mean()))


def _logistic_curve(logits: Scores, target: Scores) -> tuple[float, float]:
    """Slope and offset of the logistic curve that is closest to targets between 0 and 1."""
    middle, spread = float(logits.mean()), float(logits.std())
    if spread < _EDGE:
        return 0.0, float(_logit(target.mean()))
    # Each track stands for itself and for its contrary, as sure as the target is of either. Scores that
    # hardly differ are spread out first, or every solver would stop where it began.
    spread_out = (logits - middle) / spread
    regression = LogisticRegression(C=np.inf, solver="newton-cholesky").fit(
        np.concatenate([spread_out, spread_out])[:, None],
        np.repeat([1, 0], len(logits)),
        sample_weight=np.concatenate([target, 1 - target]),
    )
    slope = float(regression.coef_[0, 0]) / spread
    return slope, float(regression.intercept_[0]) - slope * middle


def fit_isotonic(scores: Scores, holds: npt.NDArray[np.bool_]) -> IsotonicCalibration:
    """Fit the curve that never falls and is closest to the truth; points on its level parts are left out."""
    regression = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(scores, holds)
    points = zip(regression.X_thresholds_, regression.y_thresholds_, strict=True)
    places, probabilities = zip(*((float(place), float(share)) for place, share in points), strict=True)
    return IsotonicCalibration(places, probabilities)


def _logit(shares: Any) -> Any:
    return np.log(shares) - np.log1p(-shares)
