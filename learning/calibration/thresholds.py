"""Where to draw the line: from which probability on a tag is said of a track."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

LOWEST, HIGHEST = 0.05, 0.95
"""A threshold chosen on few tracks is kept from saying a tag of everything or of nothing."""

LOWEST_OF_ALL = 1e-6
"""The lowest threshold that a bundle may have."""

_FEWEST_SAID = 5
"""Of fewer tracks a precision says nothing."""


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


def precision_threshold(
    probabilities: npt.NDArray[np.float64], truths: npt.NDArray[np.int8], wanted: float
) -> float | None:
    """The lowest threshold from which on a wanted share of the tracks that get the tag have it.

    Args:
        probabilities: float64 [tracks], 0 to 1.
        truths: int8 [tracks]: 1 it holds, -1 it does not; tracks of which it is not known (0) do not count.
        wanted: The precision, above 0 to 1.

    Returns:
        It lies in the middle between the lowest probability that is said and the next one below it; None if
        no threshold at which five tracks or more get the tag reaches the precision.

    Example:
        >>> probabilities = np.array([0.9, 0.8, 0.7, 0.65, 0.6, 0.4, 0.2])
        >>> precision_threshold(probabilities, np.array([1, 1, 1, 1, 1, -1, -1], np.int8), 0.9)
        0.5
    """
    known = truths != 0
    order = np.argsort(-probabilities[known], kind="stable")
    falling, holds = probabilities[known][order], truths[known][order] > 0
    said = np.arange(1, len(falling) + 1)
    is_last_of_its_value = np.append(falling[1:] < falling[:-1], True)
    reaches = (np.cumsum(holds) >= wanted * said) & is_last_of_its_value & (said >= _FEWEST_SAID)
    if not reaches.any():
        return None
    last = int(np.flatnonzero(reaches)[-1])
    below = falling[last + 1] if last + 1 < len(falling) else 0.0
    return float(np.clip((falling[last] + below) / 2, LOWEST_OF_ALL, 1.0))
