"""Where to draw the line: from which probability on a tag is said of a track."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

LOWEST, HIGHEST = 0.05, 0.95
"""A threshold chosen on few tracks is kept from saying a tag of everything or of nothing."""


def best_f1_threshold(probabilities: npt.NDArray[np.float64], truths: npt.NDArray[np.int8]) -> float:
    """The threshold with the best F1, the harmonic mean of precision and recall.

    It lies in the middle between the lowest probability that is still said and the next one below it.

    Args:
        probabilities: float64 [tracks], 0 to 1.
        truths: int8 [tracks]: 1 it holds, -1 it does not; tracks of which it is not known (0) do not count.

    Returns:
        Between ``LOWEST`` and ``HIGHEST``; 0.5 if it holds for no track.

    Example:
        >>> best_f1_threshold(np.array([0.9, 0.7, 0.3, 0.1]), np.array([1, 1, -1, -1], np.int8))
        0.5
    """
    known = truths != 0
    probabilities, holds = probabilities[known], truths[known] > 0
    if not holds.any():
        return 0.5
    order = np.argsort(-probabilities, kind="stable")
    falling = probabilities[order]
    found = np.cumsum(holds[order])
    f1 = 2 * found / (np.arange(1, len(falling) + 1) + holds.sum())
    is_last_of_its_value = np.append(falling[1:] < falling[:-1], True)
    best = int(np.argmax(np.where(is_last_of_its_value, f1, -1)))
    below = falling[best + 1] if best + 1 < len(falling) else 0.0
    return float(np.clip((falling[best] + below) / 2, LOWEST, HIGHEST))
