"""New curves and thresholds of a tagger's tags from a catalog's own labels, and what to expect of them.

What the bundle gets is fitted on all tracks. Whether a new curve is better than the one there is, and what
calibration error it has, is measured on tracks that did not take part: groups are dealt into five parts, and
each part is judged by the curve that the other four give; five deals make it less a matter of luck. A curve
that is no better there is not taken. What precision and recall to expect is in ``expecting.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tonearm.learning.calibration.expecting import expected_figures
from tonearm.learning.calibration.fitting import fit_calibration
from tonearm.learning.calibration.thresholds import Ranking, best_f1_threshold, precision_threshold
from tonearm.learning.evaluation.figures import Figure, groups_that_tell
from tonearm.learning.evaluation.reliability import reliability
from tonearm.learning.evaluation.resampling import FEWEST_GROUPS, Resampling
from tonearm.learning.evaluation.table import Table
from tonearm.models.bundles.calibration import Calibration

Values = npt.NDArray[np.float64]
Truths = npt.NDArray[np.int8]

FEWEST_TRACKS = 10
"""Tracks with a tag, and as many without it, below which nothing is fitted: precision at a threshold would be
off by a quarter either way."""

_DEALS, _PARTS = 5, 5


@dataclass(frozen=True, slots=True)
class Recalibrated:
    """A tag with its new rule.

    Attributes:
        label: The set's word.
        tag: The tagger's word.
        positives: Tracks known to have it.
        negatives: Tracks known to lack it.
        calibration: Its curve; None if scores stay as the networks give them.
        is_new_curve: False if the curve that there was is no worse on tracks that took no part.
        threshold: On the scale of the curve.
        precision: To be expected, with its interval.
        recall: To be expected, with its interval.
        ece_before: Calibration error of the tagger as it was, on the tracks at hand.
        ece_after: The same of the new one, on tracks that took no part in each fit.
    """

    label: str
    tag: str
    positives: int
    negatives: int
    calibration: Calibration | None
    is_new_curve: bool
    threshold: float
    precision: Figure
    recall: Figure
    ece_before: float
    ece_after: float


@dataclass(frozen=True, slots=True)
class LeftAsItWas:
    """A tag that these tracks cannot tell enough of.

    Attributes:
        label: The set's word.
        tag: The tagger's word.
        why: A sentence's end: "because …".
    """

    label: str
    tag: str
    why: str


def recalibrated(
    raw: Table,
    current: Sequence[Calibration | None],
    wanted_precision: float | None,
    resampling: Resampling,
) -> list[Recalibrated | LeftAsItWas]:
    """Fit what these tracks can tell.

    Args:
        raw: Truths, and scores as the networks give them.
        current: The curve of each tag, if it has one.
        wanted_precision: The share of tracks that are to have a tag of those that get it; None for the best
            F1.
        resampling: How intervals are made, and groups are dealt.

    Returns:
        One outcome for each tag, in the table's order.
    """
    groups = groups_that_tell(raw)
    outcomes: list[Recalibrated | LeftAsItWas] = []
    for place, tag in enumerate(raw.tags):
        counted = [int((raw.truths[:, place] > 0).sum()), int((raw.truths[:, place] < 0).sum())]
        if min(counted) < FEWEST_TRACKS:
            why = (
                f"{counted[0]} tracks have it and {counted[1]} lack it; {FEWEST_TRACKS} of either are needed"
            )
        elif groups[place] < FEWEST_GROUPS:
            why = f"{groups[place]} groups bear witness on one side; {FEWEST_GROUPS} are needed"
        else:
            outcome = _Fit(raw, place, current[place], wanted_precision, resampling).outcome()
            if outcome is not None:
                outcomes.append(outcome)
                continue
            why = f"no threshold gives a precision of {wanted_precision}"
        outcomes.append(LeftAsItWas(tag.label, tag.tag, why))
    return outcomes


class _Fit:
    """One tag: its known tracks, and what comes of them."""

    def __init__(
        self,
        raw: Table,
        place: int,
        current: Calibration | None,
        wanted_precision: float | None,
        resampling: Resampling,
    ) -> None:
        known = raw.truths[:, place] != 0
        self._tag = raw.tags[place]
        self._scores: Values = raw.scores[known, place].astype(np.float64)
        self._truths: Truths = raw.truths[known, place].astype(np.int8)
        self._groups = np.unique(raw.groups[known], return_inverse=True)[1]
        self._current = current
        self._wanted = wanted_precision
        self._resampling = resampling
        self._deals = self._dealt()
        self._witnesses = groups_that_tell(raw)[place]

    def outcome(self) -> Recalibrated | None:
        """The tag's new rule; None if no threshold gives what is wanted."""
        before = _applied(self._current, self._scores)
        unseen = [self._unseen_probabilities(parts) for parts in self._deals]
        is_new_curve = bool(np.mean([self._brier(each) for each in unseen]) < self._brier(before))
        calibration = fit_calibration(self._scores, self._truths) if is_new_curve else self._current
        after = unseen if is_new_curve else [before] * _DEALS
        probabilities = _applied(calibration, self._scores)
        threshold = self._threshold(probabilities, self._truths)
        if threshold is None:
            return None
        precision, recall = expected_figures(
            Ranking.of(probabilities, self._truths > 0),
            self._groups,
            self._wanted,
            self._resampling,
            self._witnesses,
        )
        return Recalibrated(
            label=self._tag.label,
            tag=self._tag.tag,
            positives=int((self._truths > 0).sum()),
            negatives=int((self._truths < 0).sum()),
            calibration=calibration,
            is_new_curve=is_new_curve,
            threshold=threshold,
            precision=precision,
            recall=recall,
            ece_before=self._calibration_error(before),
            ece_after=float(np.mean([self._calibration_error(each) for each in after])),
        )

    def _dealt(self) -> list[npt.NDArray[np.intp]]:
        """Which part each track is in, in each deal: whole groups, those with the tag dealt evenly."""
        generator = np.random.default_rng(self._resampling.seed)
        count = int(self._groups.max()) + 1
        has_it = np.zeros(count, bool)
        has_it[self._groups[self._truths > 0]] = True
        deals = []
        for _ in range(_DEALS):
            part_of_group = np.empty(count, np.intp)
            for some in (np.flatnonzero(has_it), np.flatnonzero(~has_it)):
                part_of_group[generator.permutation(some)] = np.arange(len(some)) % _PARTS
            deals.append(part_of_group[self._groups])
        return deals

    def _unseen_probabilities(self, parts: npt.NDArray[np.intp]) -> Values:
        """Each track's probability by the curve of the tracks of the other parts."""
        unseen = _applied(self._current, self._scores)
        for part in range(_PARTS):
            rest = parts != part
            if len(np.unique(self._truths[rest])) == 2:
                curve = fit_calibration(self._scores[rest], self._truths[rest])
                unseen[~rest] = curve.apply(self._scores[~rest])
        return unseen

    def _threshold(self, probabilities: Values, truths: Truths) -> float | None:
        if self._wanted is None:
            return best_f1_threshold(probabilities, truths)
        return precision_threshold(probabilities, truths, self._wanted)

    def _brier(self, probabilities: Values) -> float:
        return float(np.mean((probabilities - (self._truths > 0)) ** 2))

    def _calibration_error(self, probabilities: Values) -> float:
        table = Table((self._tag,), probabilities[:, None], self._truths[:, None], self._groups)
        return reliability(table, [0]).ece or 0.0


def _applied(calibration: Calibration | None, scores: Values) -> Values:
    return scores.copy() if calibration is None else calibration.apply(scores)
