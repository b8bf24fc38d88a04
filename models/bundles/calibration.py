"""From a tag's score to the probability that the tag holds, as fitted on tracks held back from training.

Networks trained with augmentation and class weights rank tracks well, but their 0.5 is not one in two. A
bundle may give each tag a monotone curve from scores to probabilities. How the curves are fitted is
training's matter; here they are applied.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

_EDGE = 1e-7
"""Scores this close to 0 and 1 are taken for it: the logit of 0 is no number, and float32 ends there."""


@dataclass(frozen=True)
class Calibration(ABC):
    """A curve that never falls, from the scores of one tag, 0 to 1, to probabilities.

    Attributes:
        kind: What ``bundle.json`` calls it.
    """

    kind: ClassVar[str]

    @abstractmethod
    def apply(self, scores: Values) -> Values:
        """Map scores of any shape to as many probabilities."""

    def as_json(self) -> dict[str, Any]:
        """What ``bundle.json`` says of it; :mod:`.bundle_json` reads it."""
        return {"kind": self.kind, **asdict(self)}


@dataclass(frozen=True)
class PlattCalibration(Calibration):
    """A logistic curve over the score's logit, which needs few tracks with the tag to be fitted.

    ``probability = sigmoid(slope * logit(score) + offset)``: Platt, "Probabilistic outputs for support vector
    machines" (1999). Slope 1 and offset 0 change nothing.

    Attributes:
        slope: More than 0.
        offset: Moves all probabilities up or down.
    """

    kind: ClassVar[str] = "platt"

    slope: float
    offset: float

    def apply(self, scores: Values) -> Values:
        """See :class:`Calibration`."""
        inside = np.clip(scores, _EDGE, 1 - _EDGE)
        logits = self.slope * (np.log(inside) - np.log1p(-inside)) + self.offset
        return 0.5 + 0.5 * np.tanh(0.5 * logits)  # the sigmoid, which overflows nowhere in this form


@dataclass(frozen=True)
class IsotonicCalibration(Calibration):
    """Straight lines between points: any curve that never falls, where many tracks with the tag tell it.

    Zadrozny and Elkan, "Transforming classifier scores into accurate multiclass probability estimates"
    (2002). Below the first point and above the last the curve is level.

    Attributes:
        scores: Rising, 0 to 1.
        probabilities: At each of the scores; never falling, 0 to 1.
    """

    kind: ClassVar[str] = "isotonic"

    scores: tuple[float, ...]
    probabilities: tuple[float, ...]

    def apply(self, scores: Values) -> Values:
        """See :class:`Calibration`."""
        return np.interp(scores, self.scores, self.probabilities)
