"""Held-out predictions of labels: a linear probe on embeddings, cross-validated by group."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tonearm.learning.suspects.confident_learning import Labels, Predictions

_FOLDS = 5

_REGULARISATION = 0.003
"""Inverse strength: wrong labels are learned by heart otherwise."""

_FEWEST = 10
"""Tracks that a label must hold for, and tracks that it must not hold for, to be predicted."""

Embeddings = npt.NDArray[np.float32]


def held_out_predictions(embeddings: Embeddings, given: Labels, groups: Sequence[str]) -> Predictions:
    """Predict each track's labels from those of other groups.

    Args:
        embeddings: float32 [tracks, dim].
        given: int8 [tracks, labels]: 1 holds, -1 does not, 0 is unknown.
        groups: Of each track; tracks of one are predicted together. Empty: the track is on its own.

    Returns:
        [tracks, labels], the probability that a label holds; NaN for labels with too few tracks or groups.
    """
    from sklearn.preprocessing import StandardScaler

    scaled = StandardScaler().fit_transform(embeddings)
    folds = _folds(groups)
    predicted = np.full(given.shape, np.nan)
    for label in range(given.shape[1]):
        for fold in range(_FOLDS):
            held_out = folds == fold
            learned = ~held_out & (given[:, label] != 0)
            if held_out.any() and _enough(given[learned, label]):
                predicted[held_out, label] = _predicted(
                    scaled[learned], given[learned, label], scaled[held_out]
                )
    return predicted


def _folds(groups: Sequence[str]) -> npt.NDArray[np.intp]:
    """A fold for each track: groups in a fixed random order, one after the other."""
    names = [group or f"\0{place}" for place, group in enumerate(groups)]
    order = np.random.default_rng(0).permutation(sorted(set(names)))
    fold_of = {name: place % _FOLDS for place, name in enumerate(order.tolist())}
    return np.array([fold_of[name] for name in names])


def _enough(values: Labels) -> bool:
    return min(int((values > 0).sum()), int((values < 0).sum())) >= _FEWEST


def _predicted(learned: Embeddings, values: Labels, held_out: Embeddings) -> Predictions:
    from sklearn.linear_model import LogisticRegression

    probe = LogisticRegression(C=_REGULARISATION, max_iter=500)
    return probe.fit(learned, values > 0).predict_proba(held_out)[:, 1]
