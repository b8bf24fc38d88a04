"""Calibrated tags: probabilities in place of scores, and everything else as before."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tonearm.models.bundles.calibration import Calibration, IsotonicCalibration, PlattCalibration
from tonearm.models.bundles.loading import load_tagger
from tonearm.models.bundles.tagger import Tagger
from tonearm.models.bundles.tags import Tag, tag_scores

CURVES = [
    PlattCalibration(slope=2.0, offset=1.5),
    PlattCalibration(slope=1e3, offset=-1e3),
    IsotonicCalibration(scores=(0.2, 0.4, 0.8), probabilities=(0.1, 0.7, 0.7)),
    IsotonicCalibration(scores=(0.5,), probabilities=(0.3,)),
]


def calibrated(tag: str, calibration: Calibration | None, threshold: float) -> Tagger:
    """The embedded tagger with one tag calibrated."""
    tagger = load_tagger("musicnn")
    rules = [
        replace(rule, calibration=calibration, threshold=threshold) if rule.tag == tag else rule
        for rule in tagger.tags
    ]
    return replace(tagger, tags=tuple(rules))


def tags_of(tagger: Tagger, piano: list[float]) -> dict[str, Tag]:
    scores = np.zeros((len(piano), len(tagger.units)), np.float32)
    scores[:, next(unit.index for unit in tagger.units if unit.label == "piano")] = piano
    return {tag.tag: tag for tag in tag_scores(tagger, scores)}


def test_score_peak_presence_and_selection_are_on_the_scale_of_probabilities() -> None:
    curve = IsotonicCalibration(scores=(0.0, 0.5, 1.0), probabilities=(0.0, 0.9, 1.0))
    tag = tags_of(calibrated("piano", curve, 0.5), [0.1, 0.3, 0.2])["piano"]
    assert tag.score == pytest.approx(0.36)  # of the mean score, 0.2
    assert tag.peak == pytest.approx(0.54)  # of 0.3
    assert tag.presence == pytest.approx(1 / 3)  # only 0.3 reaches a probability of 0.5
    assert not tag.selected
    assert tags_of(calibrated("piano", curve, 0.35), [0.1, 0.3, 0.2])["piano"].selected


def test_a_calibrated_tag_leaves_the_others_alone() -> None:
    before = tags_of(load_tagger("musicnn"), [0.4, 0.1])
    after = tags_of(calibrated("piano", CURVES[0], 0.5), [0.4, 0.1])
    assert {tag for tag in before if before[tag] != after[tag]} == {"piano"}


def test_slope_1_and_offset_0_change_nothing() -> None:
    scores = np.linspace(0, 1, 11)
    np.testing.assert_allclose(PlattCalibration(1.0, 0.0).apply(scores), scores, atol=2e-7)


def test_a_logistic_curve_by_hand() -> None:
    (probability,) = PlattCalibration(slope=2.0, offset=-1.0).apply(np.array([0.8]))
    assert probability == pytest.approx(1 / (1 + np.exp(-(2 * np.log(4) - 1))))


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.sampled_from(CURVES), st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_probabilities_stay_in_their_range_and_keep_the_order(
    curve: Calibration, scores: list[float]
) -> None:
    probabilities = curve.apply(np.sort(scores))
    assert (np.diff(probabilities) >= -1e-15).all()
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
