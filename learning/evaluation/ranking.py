"""ROC-AUC and PR-AUC of many weightings of the same tracks at once, for intervals by resampling.

scikit-learn takes one weighting at a time: a thousand resamples of seventy tags would be minutes. Here the
tracks are sorted once. With all weights 1 the figures are those of ``metrics``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def weighted_areas(scores: Array, holds: npt.NDArray[np.bool_], weights: Array) -> tuple[Array, Array]:
    """Areas under the ROC curve and the precision-recall curve of one tag, for each weighting.

    Tracks with equal scores are said or not said together: the ROC curve has a slope there, and average
    precision one step.

    Args:
        scores: float [tracks].
        holds: bool [tracks], whether each track has the tag.
        weights: float [weightings, tracks], how often each track counts.

    Returns:
        ROC-AUC and average precision, each float [weightings]; NaN where no track that counts has the tag, or
        none lacks it.

    Example:
        >>> scores, holds = np.array([0.9, 0.5, 0.1]), np.array([True, False, True])
        >>> roc, pr = weighted_areas(scores, holds, np.ones((1, 3)))
        >>> roc.item(), round(pr.item(), 3)
        (0.5, 0.833)
    """
    order = np.argsort(-scores, kind="stable")
    descending = scores[order]
    last_of_equals = np.append(np.flatnonzero(np.diff(descending)), len(descending) - 1)
    positive = np.where(holds[order], weights[:, order], 0.0).cumsum(axis=1)[:, last_of_equals]
    negative = np.where(holds[order], 0.0, weights[:, order]).cumsum(axis=1)[:, last_of_equals]
    found = np.diff(positive, axis=1, prepend=0.0)
    alarms = np.diff(negative, axis=1, prepend=0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        roc = (alarms * (positive - found / 2)).sum(axis=1) / (positive[:, -1] * negative[:, -1])
        precision = np.where(found > 0, positive / (positive + negative), 0.0)
        average_precision = (found * precision).sum(axis=1) / positive[:, -1]
    return roc, np.where(negative[:, -1] > 0, average_precision, np.nan)
