"""What the ways of choosing came to, against chance: means over draws, differences with intervals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from scipy import stats

from examples.instruments.label_trial.rounds import Learned

CHANCE = "chance"

Draws = Sequence[Sequence[Learned]]
"""Of each draw of first labels, what was learned by which number of labels."""

Numbers = npt.NDArray[np.float64]


def lines_of(draws: Mapping[str, Draws]) -> Iterator[str]:
    """A table in Markdown: a line for each way and number of labels.

    Args:
        draws: By way; the same draws of first labels in each.
    """
    more = "more than chance (95 %)"
    yield f"| labels | way | PR-AUC | {more} | ROC-AUC | {more} | chance needs |"
    yield "|---|---|---|---|---|---|---|"
    labels = [each.labels for each in draws[CHANCE][0]]
    areas = {way: (_areas(each, "pr_auc"), _areas(each, "roc_auc")) for way, each in draws.items()}
    curve = areas[CHANCE][0].mean(axis=0)
    for place, number in enumerate(labels):
        for way, (pr_auc, roc_auc) in areas.items():
            by_chance = areas[CHANCE]
            told = [
                f"{of_way[:, place].mean():.3f} | {_difference(of_way[:, place] - of_chance[:, place])}"
                for of_way, of_chance in zip((pr_auc, roc_auc), by_chance, strict=True)
            ]
            same = _labels_of(float(pr_auc[:, place].mean()), labels, curve)
            yield f"| {number} | {way} | {' | '.join(told)} | {same} |"


def _areas(draws: Draws, figure: str) -> Numbers:
    """float64 [draws, numbers of labels]."""
    return np.array([[getattr(each, figure) for each in draw] for draw in draws])


def _difference(differences: Numbers) -> str:
    """Mean and 95 % interval of paired differences, by Student's t over the draws; nothing if all are 0."""
    if not differences.any():
        return ""
    if len(differences) < 2:
        return f"{differences.mean():+.3f}"
    half = stats.t.ppf(0.975, len(differences) - 1) * differences.std(ddof=1) / np.sqrt(len(differences))
    mean = differences.mean()
    return f"{mean:+.3f} ({mean - half:+.3f} to {mean + half:+.3f})"


def _labels_of(area: float, labels: Sequence[int], curve: Numbers) -> str:
    """How many labels chance needs for an area, between those that were tried.

    Example:
        >>> _labels_of(0.55, [50, 100], np.array([0.5, 0.6]))
        '75'
    """
    if area > curve[-1]:
        return f"more than {labels[-1]}"
    return f"{np.interp(area, curve, labels):.0f}"
