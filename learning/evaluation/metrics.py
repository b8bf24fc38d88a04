"""How well scores tell tracks with a tag from tracks without it; unknown labels do not count.

Scores and truths are arrays [tracks, tags]; a truth is 1 (the tag holds), -1 (it does not) or 0 (unknown). A
figure that the tracks at hand cannot tell is None, never 0 and never NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score, roc_auc_score

Scores = npt.NDArray[np.floating]
"""float [tracks, tags]"""

Truths = npt.NDArray[np.signedinteger]
"""int [tracks, tags]: 1, -1, or 0 where nothing is known"""


def roc_auc(scores: Scores, truths: Truths) -> list[float | None]:
    """Area under the ROC curve by tag: how often a track with the tag scores above one without it.

    Args:
        scores: float [tracks, tags].
        truths: int [tracks, tags].

    Returns:
        One figure for each tag; None where no track is known to have the tag, or none to lack it.

    Raises:
        ValueError: The shapes differ.

    Example:
        >>> roc_auc(np.array([[0.9], [0.2], [0.6]]), np.array([[1], [-1], [0]]))
        [1.0]
        >>> roc_auc(np.array([[0.9], [0.2]]), np.array([[1], [0]]))
        [None]
    """
    return _by_tag(scores, truths, roc_auc_score)


def pr_auc(scores: Scores, truths: Truths) -> list[float | None]:
    """Area under the precision-recall curve by tag, as average precision: no line is drawn between points.

    Args:
        scores: float [tracks, tags].
        truths: int [tracks, tags].

    Returns:
        One figure for each tag; None where no track is known to have the tag, or none to lack it. Chance
        gives the share of tracks that have the tag.

    Raises:
        ValueError: The shapes differ.
    """
    return _by_tag(scores, truths, average_precision_score)


def mean_of_known(figures: Iterable[float | None]) -> float | None:
    """The mean of the figures that are known; None if none is.

    With the figures of tags it is the macro mean: tags without a positive or a negative track are left out.

    Example:
        >>> mean_of_known([0.5, None, 0.75])
        0.625
    """
    known = [figure for figure in figures if figure is not None]
    return float(np.mean(known)) if known else None


@dataclass(frozen=True, slots=True)
class Decisions:
    """What comes of saying that a tag holds from a threshold on, counted over tracks of which it is known.

    Attributes:
        true_positives: Said, and so.
        false_positives: Said, and not so.
        false_negatives: Not said, though it is so.
        true_negatives: Not said, and not so.
    """

    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int

    @property
    def precision(self) -> float | None:
        """Of the tracks that were said to have the tag, the share that has it; None if none was."""
        return _share(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> float | None:
        """Of the tracks that have the tag, the share that was said to; None if none has it."""
        return _share(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall; None if no track has the tag, 0 if none was found."""
        if not self.true_positives + self.false_negatives:
            return None
        missed = self.false_positives + self.false_negatives
        return _share(2 * self.true_positives, 2 * self.true_positives + missed)


def decisions(scores: Scores, truths: Truths, thresholds: Sequence[float]) -> list[Decisions]:
    """Decide each tag by its threshold: a score that reaches it says that the tag holds.

    Args:
        scores: float [tracks, tags].
        truths: int [tracks, tags].
        thresholds: One for each tag.

    Returns:
        Counts for each tag.

    Raises:
        ValueError: The shapes differ.
    """
    _require_alike(scores, truths)
    said = scores >= np.asarray(thresholds)
    return [
        Decisions(
            true_positives=int((said[:, tag] & (truths[:, tag] > 0)).sum()),
            false_positives=int((said[:, tag] & (truths[:, tag] < 0)).sum()),
            false_negatives=int((~said[:, tag] & (truths[:, tag] > 0)).sum()),
            true_negatives=int((~said[:, tag] & (truths[:, tag] < 0)).sum()),
        )
        for tag in range(truths.shape[1])
    ]


def sum_of(counted: Iterable[Decisions]) -> Decisions:
    """Counts over several tags, of which precision, recall and F1 are the micro means."""
    each = list(counted)
    return Decisions(
        true_positives=sum(one.true_positives for one in each),
        false_positives=sum(one.false_positives for one in each),
        false_negatives=sum(one.false_negatives for one in each),
        true_negatives=sum(one.true_negatives for one in each),
    )


def _by_tag(scores: Scores, truths: Truths, figure: Callable[..., float]) -> list[float | None]:
    _require_alike(scores, truths)
    figures: list[float | None] = []
    for tag_scores, tag_truths in zip(scores.T, truths.T, strict=True):
        known = tag_truths != 0
        holds = tag_truths[known] > 0
        is_known = holds.any() and not holds.all()
        figures.append(float(figure(holds, tag_scores[known])) if is_known else None)
    return figures


def _require_alike(scores: Scores, truths: Truths) -> None:
    if scores.ndim != 2 or scores.shape != truths.shape:
        raise ValueError(f"expected scores and truths [tracks, tags], found {scores.shape}, {truths.shape}")


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
