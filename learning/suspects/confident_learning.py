"""Confident learning: which labels held-out predictions speak against.

After Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels" (JAIR 70,
2021), for each label by itself, as a track may have several. A label is confidently doubted if its opposite
is predicted at least as surely as it is, on average, for tracks that were given the opposite. Labels are
ranked by how sure the opposite is, which found more flipped labels than margins did (docs/learning.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.int8]
Predictions = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Doubts:
    """How much each label of each track is doubted.

    Attributes:
        suspicion: float64 [tracks, labels], predicted probability of the opposite; NaN where no label is
            given, or none is predicted.
        is_confident: bool [tracks, labels], True where the opposite is predicted confidently.
    """

    suspicion: Predictions
    is_confident: npt.NDArray[np.bool_]


def doubts(given: Labels, predicted: Predictions) -> Doubts:
    """Hold labels against predictions.

    Args:
        given: [tracks, labels]: 1 holds, -1 does not, 0 is unknown.
        predicted: [tracks, labels], the probability that a label holds, of a model that has not seen the
            track; NaN where there is none.
    """
    holds, lacks = given > 0, given < 0
    if_holds = _mean_where(predicted, holds)
    if_lacks = _mean_where(1 - predicted, lacks)
    suspicion = np.where(holds, 1 - predicted, np.where(lacks, predicted, np.nan))
    opposite = np.where(holds, (1 - predicted) >= if_lacks, predicted >= if_holds)
    return Doubts(suspicion, opposite & (suspicion > 0.5))


def _mean_where(values: Predictions, wanted: npt.NDArray[np.bool_]) -> Predictions:
    """Mean by label over the tracks that are wanted; NaN where there are none."""
    counted = wanted & ~np.isnan(values)
    sums = np.where(counted, values, 0.0).sum(axis=0)
    counts = counted.sum(axis=0)
    return np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
