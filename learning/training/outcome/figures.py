"""How well a trained tagger does on the validation tracks, by tag."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tonearm.learning.evaluation.metrics import decisions, pr_auc, roc_auc
from tonearm.learning.training.validation import TrackScores
from tonearm.models.bundles.draft import TagDraft


@dataclass(frozen=True, slots=True)
class TagFigures:
    """Figures of one tag; None where the tracks cannot tell.

    Attributes:
        tag: The tag.
        facet: Its facet.
        positives: Validation tracks that have it.
        negatives: Validation tracks that do not.
        roc_auc: Area under the ROC curve.
        pr_auc: Area under the precision-recall curve.
        threshold: Probability from which it is selected.
        precision: At the threshold.
        recall: At the threshold.
        calibration: How its probabilities were fitted.
    """

    tag: str
    facet: str
    positives: int
    negatives: int
    roc_auc: float | None
    pr_auc: float | None
    threshold: float
    precision: float | None
    recall: float | None
    calibration: str


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of a tagger on its validation tracks, by which it was chosen among the rounds and calibrated.

    Attributes:
        tracks: How many there are.
        roc_auc: Mean over the tags.
        pr_auc: Mean over the tags.
        tags: By tag.
    """

    tracks: int
    roc_auc: float
    pr_auc: float
    tags: tuple[TagFigures, ...]

    def as_json(self) -> dict[str, Any]:
        """By name."""
        return asdict(self)


def figures_of(tags: Sequence[TagDraft], scores: TrackScores) -> Figures:
    """Measure each tag.

    Args:
        tags: With thresholds and calibrations, in the order of the scores' columns.
        scores: Of the validation tracks.
    """
    calibrations = [tag.calibration for tag in tags if tag.calibration]
    columns = [
        calibration.apply(column) for calibration, column in zip(calibrations, scores.scores.T, strict=True)
    ]
    decided = decisions(np.stack(columns, axis=1), scores.truths, [tag.threshold for tag in tags])
    areas = zip(roc_auc(scores.scores, scores.truths), pr_auc(scores.scores, scores.truths), strict=True)
    by_tag = tuple(
        TagFigures(
            tag=tag.tag,
            facet=tag.facet,
            positives=counted.true_positives + counted.false_negatives,
            negatives=counted.false_positives + counted.true_negatives,
            roc_auc=roc,
            pr_auc=pr,
            threshold=tag.threshold,
            precision=counted.precision,
            recall=counted.recall,
            calibration=calibration.kind,
        )
        for tag, calibration, counted, (roc, pr) in zip(tags, calibrations, decided, areas, strict=True)
    )
    return Figures(len(scores.truths), scores.roc_auc, scores.pr_auc, by_tag)
