"""Areas of many weightings at once are those that scikit-learn gives for each."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from tonearm.learning.evaluation.ranking import weighted_areas

TRACKS = st.tuples(st.sampled_from([0.0, 0.2, 0.5, 0.7, 1.0]), st.booleans(), st.integers(0, 3))


@given(st.lists(TRACKS, min_size=1, max_size=12))
def test_one_weighting_is_what_scikit_learn_gives(tracks: list[tuple[float, bool, int]]) -> None:
    scores, holds, weights = map(np.array, zip(*tracks, strict=True))
    roc, pr = weighted_areas(scores, holds, weights[None].astype(float))
    if weights[holds].sum() and weights[~holds].sum():
        assert roc.item() == pytest.approx(roc_auc_score(holds, scores, sample_weight=weights))
        assert pr.item() == pytest.approx(average_precision_score(holds, scores, sample_weight=weights))
    else:
        assert math.isnan(roc.item())
        assert math.isnan(pr.item())
