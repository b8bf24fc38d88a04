"""The formulas of a report's figures, by another hand: as they are defined, without regard for speed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Report = dict[str, Any]


def figures_of(scores: np.ndarray, truths: np.ndarray, threshold: float) -> dict[str, float | None]:
    """What is told of one tag."""
    known = truths != 0
    holds, scores = truths[known] > 0, scores[known]
    said = scores >= threshold
    found, alarms, missed = (said & holds).sum(), (said & ~holds).sum(), (~said & holds).sum()
    both = holds.any() and not holds.all()
    return {
        "roc_auc": roc_auc(holds, scores) if both else None,
        "pr_auc": average_precision(holds, scores) if both else None,
        "f1": 2 * found / (2 * found + alarms + missed) if holds.any() else None,
        "precision": found / (found + alarms) if said.any() else None,
        "recall": found / (found + missed) if holds.any() else None,
        "brier": float(((scores - holds) ** 2).mean()) if len(scores) else None,
    }


def roc_auc(holds: np.ndarray, scores: np.ndarray) -> float:
    """Share of the pairs of a track with the tag and one without it that are in order; equals count half."""
    above = scores[holds][:, None] - scores[~holds][None, :]
    return float(((above > 0) + 0.5 * (above == 0)).mean())


def average_precision(holds: np.ndarray, scores: np.ndarray) -> float:
    """Sum over falling thresholds of the recall gained times the precision there."""
    total, recall = 0.0, 0.0
    for threshold in sorted(set(scores), reverse=True):
        said = scores >= threshold
        now = (said & holds).sum() / holds.sum()
        total += (now - recall) * (said & holds).sum() / said.sum()
        recall = now
    return float(total)


def calibration(scores: np.ndarray, truths: np.ndarray) -> Report:
    """How far scores are from probabilities, in ten bins, and how far chance alone would have them."""
    scores, truths = scores[truths != 0], truths[truths != 0] > 0
    bins: list[Report] = []
    error = chance = 0.0
    for number in range(10):
        inside = np.floor(scores * 10).clip(max=9) == number
        told: Report = {"mean_score": None, "share": None}
        if inside.any():
            told = {"mean_score": scores[inside].mean(), "share": truths[inside].mean()}
            error += inside.sum() * abs(told["share"] - told["mean_score"])
            chance += math.sqrt(2 * (scores[inside] * (1 - scores[inside])).sum() / math.pi)
        bins.append({"low": number / 10, "high": (number + 1) / 10, "pairs": int(inside.sum()), **told})
    known = len(scores) or None
    return {
        "ece": known and error / known,
        "ece_by_chance": known and chance / known,
        "bins": bins,
    }


def tail_of_student(groups: int) -> float:
    """Hesterberg's correction for 95 %, from draws of normal numbers: no table of Student's t is at hand."""
    from scipy import stats

    student = stats.t.ppf(0.975, groups - 1)
    return float(stats.norm.cdf(-math.sqrt(groups / (groups - 1)) * student))


def label_noise(figure: Report, positives: int, negatives: int) -> Report | None:
    """What wrong labels would do, and how many there can be at most."""
    if not positives or not negatives:
        return None
    share = positives / (positives + negatives)
    low = figure["interval"]
    return {
        "positive_share": share,
        "by_measured": _noise_for(figure["value"], share),
        "at_most": _noise_for(low[0], share) if low else None,
        "ceilings": [
            {"noise": noise, "roc_auc": _faultless(noise, share)} for noise in (0.01, 0.02, 0.05, 0.1, 0.2)
        ],
    }


def _faultless(noise: float, share: float) -> float | None:
    """ROC-AUC of a tagger that is always right, where so many labels were turned round by chance."""
    if noise > min(share, 1 - share):
        return None
    really = (share - noise) / (1 - 2 * noise)
    among_positive, among_negative = really * (1 - noise) / share, really * noise / (1 - share)
    in_order = among_positive * (1 - among_negative)
    equal = among_positive * among_negative + (1 - among_positive) * (1 - among_negative)
    return in_order + equal / 2


def _noise_for(measured: float | None, share: float) -> float | None:
    """The noise at which the faultless tagger shows just that: found by halving."""
    if measured is None or measured <= 0.5:
        return None
    low, high = 0.0, min(share, 1 - share)
    for _ in range(100):
        middle = (low + high) / 2
        ceiling = _faultless(middle, share)
        low, high = (middle, high) if ceiling is not None and ceiling > measured else (low, middle)
    return low
