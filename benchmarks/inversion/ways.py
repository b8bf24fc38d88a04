"""The ways to hand patches over: whole, and with something withheld or rounded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Patches = npt.NDArray[np.float32]
Places = npt.NDArray[np.intp]
Rounding = Callable[[Patches], Patches]


@dataclass(frozen=True, slots=True)
class Way:
    """One way.

    Attributes:
        name: For the table.
        rounded: What is done to the values.
        gap: Patches left out behind each that is kept.
        shuffled: True if the order is withheld.
    """

    name: str
    rounded: Rounding
    gap: int = 0
    shuffled: bool = False

    def kept(self, number: int) -> Places:
        """Which of so many patches are handed over."""
        return np.arange(0, number, self.gap + 1)


def _in_float16(patches: Patches) -> Patches:
    return patches.astype(np.float16).astype(np.float32)


def _in_steps_of(step: float) -> Rounding:
    return lambda patches: np.round(patches / step) * np.float32(step)


_IN_HALVES = _in_steps_of(0.5)

WAYS = (
    Way("whole, float16", _in_float16),
    Way("steps of 0.25", _in_steps_of(0.25)),
    Way("steps of 0.5", _IN_HALVES),
    Way("steps of 1", _in_steps_of(1.0)),
    Way("every other patch", _in_float16, gap=1),
    Way("every fourth patch", _in_float16, gap=3),
    Way("whole, shuffled", _in_float16, shuffled=True),
    Way("every other, shuffled", _in_float16, gap=1, shuffled=True),
    Way("every other, steps of 0.5", _IN_HALVES, gap=1),
)


def neighbours_found(patches: Patches) -> float:
    """Share of patches whose successor can be told by its first frame, the nearest to their last one.

    Args:
        patches: [patches, frames, bands] in their true order; 2 at least.
    """
    last, first = patches[:-1, -1], patches[:, 0]
    distances = np.abs(last[:, None] - first[None]).mean(axis=2)
    places = np.arange(len(last))
    distances[places, places] = np.inf  # no patch follows itself
    return float((distances.argmin(axis=1) == places + 1).mean())
