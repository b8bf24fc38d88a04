"""A tagger of few labels: a logistic regression for each label, on embeddings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

Scores = npt.NDArray[np.float64]

_REGULARISATION = 0.01
"""Inverse strength; the best of 0.0003 to 0.1 with random labels, so that chance has the best head it can."""


@dataclass(frozen=True, slots=True)
class Head:
    """What was learned.

    Attributes:
        scaler: Scales each dimension of an embedding.
        of_label: The regression of each label, or its constant score where all labels said the same.
    """

    scaler: StandardScaler
    of_label: list[LogisticRegression | float]

    def scores(self, embeddings: npt.NDArray[np.float32]) -> Scores:
        """float64 [clips, labels], probabilities."""
        scaled = self.scaler.transform(embeddings)
        columns = [
            np.full(len(scaled), each) if isinstance(each, float) else each.predict_proba(scaled)[:, 1]
            for each in self.of_label
        ]
        return np.stack(columns, axis=1)


def learned(
    scaler: StandardScaler, embeddings: npt.NDArray[np.float32], truths: npt.NDArray[np.int8]
) -> Head:
    """Learn from labelled clips.

    Args:
        scaler: Fitted to the embeddings of all clips, labelled or not.
        embeddings: float32 [clips, dim].
        truths: int8 [clips, labels]: 1 it holds, -1 it does not.
    """
    scaled = scaler.transform(embeddings)
    return Head(scaler, [_of_label(scaled, truths[:, label] > 0) for label in range(truths.shape[1])])


def _of_label(scaled: Scores, holds: npt.NDArray[np.bool_]) -> LogisticRegression | float:
    if holds.all() or not holds.any():
        return float((holds.sum() + 0.5) / (len(holds) + 1))
    return LogisticRegression(C=_REGULARISATION, max_iter=500).fit(scaled, holds)
