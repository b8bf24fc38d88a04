"""What precision and recall to expect of a threshold that is chosen on the same tracks.

There they look better than they are: the threshold is where chance was kind. So groups are drawn with
replacement, and by each draw a threshold is chosen and looked at twice: in the draw, which is as kind to it,
and in all tracks, which are not. How far it falls from the one to the other is taken off (Harrell, Lee and
Mark 1996, "Multivariable prognostic models", Statistics in Medicine 15; Efron and Tibshirani 1993, "An
Introduction to the Bootstrap", section 17.6).

How far off the figure may be is told in two ways, and the wider end of either counts: by how much that fall
differs from draw to draw, as other tracks would have moved the threshold, and by how much the share at the
chosen threshold does, as it would be looked at in other tracks. Both are on the scale of logits, where a
share near 0 or 1 has room on both sides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from tonearm.learning.calibration.thresholds import Counts, Places, Ranking, Values
from tonearm.learning.evaluation.figures import Figure
from tonearm.learning.evaluation.resampling import Resampling

Shares = tuple[Values, Values]
"""How many tracks, and of how many: float64 [draws] each."""


@dataclass(frozen=True, slots=True)
class Looks:
    """Precision, or recall, in all that is looked at.

    Attributes:
        chosen: At the chosen threshold, in all tracks; one draw.
        redrawn: At the chosen threshold, in each draw.
        kind: At each draw's own threshold, in the draw.
        other: At each draw's own threshold, in all tracks.
    """

    chosen: Shares
    redrawn: Shares
    kind: Shares
    other: Shares


def expected_figures(
    ranking: Ranking,
    groups: npt.NDArray[np.intp],
    wanted: float | None,
    resampling: Resampling,
    witnesses: int,
) -> tuple[Figure, Figure]:
    """Precision and recall to expect of the threshold that these tracks choose.

    Args:
        ranking: The tracks.
        groups: int [tracks], the group of each in the order before ranking, numbers from 0 without a gap.
        wanted: The wanted precision, which some threshold reaches here; None for the best F1.
        resampling: How groups are drawn, and intervals are made.
        witnesses: Groups that bear witness on the rarer side.
    """
    plain = ranking.counts(np.ones((1, len(groups))))
    chosen = _places(ranking, plain, wanted)
    draws = [
        _looks(ranking, plain, chosen, ranking.counts(weights), wanted)
        for weights in resampling.weights(groups)
    ]
    precision, recall = (_joined([each[of] for each in draws]) for of in (0, 1))
    return _expected(precision, resampling, witnesses), _expected(recall, resampling, witnesses)


def _looks(
    ranking: Ranking, plain: Counts, chosen: Places, drawn: Counts, wanted: float | None
) -> tuple[Looks, Looks]:
    """What some draws look at, as precision and as recall."""
    own = _places(ranking, drawn, wanted)
    looked_at = (
        _down_to(chosen, plain),
        _down_to(np.repeat(chosen, len(own)), drawn),
        _down_to(own, drawn),
        _down_to(own, plain),
    )
    precision = Looks(*((found, said) for found, said, _ in looked_at))
    recall = Looks(*((found, holding) for found, _, holding in looked_at))
    return precision, recall


def _places(ranking: Ranking, counts: Counts, wanted: float | None) -> Places:
    if wanted is None:
        return ranking.within_bounds(ranking.best_f1_places(counts))
    return ranking.precision_places(counts, wanted)


def _down_to(places: Places, counts: Counts) -> tuple[Values, Values, Values]:
    """Tracks that get the tag and have it, that get it, that have it; one row of counts is for all places."""
    said, found = (np.pad(each, ((0, 0), (1, 0))) for each in counts)
    rows = np.arange(len(said)) if len(said) > 1 else np.zeros(len(places), np.intp)
    return found[rows, places + 1], said[rows, places + 1], found[rows, -1]


def _joined(some: list[Looks]) -> Looks:
    def all_of(name: str) -> Shares:
        counts, totals = zip(*(getattr(each, name) for each in some), strict=True)
        return np.concatenate(counts), np.concatenate(totals)

    return Looks(some[0].chosen, all_of("redrawn"), all_of("kind"), all_of("other"))


def _expected(looks: Looks, resampling: Resampling, witnesses: int) -> Figure:
    fall = _logits(looks.kind) - _logits(looks.other)
    if np.isnan(fall).all():
        return Figure(None, None)
    kindness = np.nanmean(fall)
    expected = _logits(looks.chosen)[0] - kindness
    by_threshold, by_tracks = kindness - fall, _logits(looks.redrawn) - np.nanmean(_logits(looks.redrawn))
    count, total = looks.redrawn
    with np.errstate(invalid="ignore", divide="ignore"):
        ends = [
            resampling.interval(each, witnesses)
            for each in (count / total, expit(expected + by_threshold), expit(expected + by_tracks))
        ]
    value = float(expit(expected))
    known = [each for each in ends if each is not None]
    if len(known) < len(ends):
        return Figure(value, None)
    lows, highs = zip(*known[1:], strict=True)
    return Figure(value, (min(lows), max(highs)))


def _logits(shares: Shares) -> Values:
    """As if half a track more of either kind had been seen, so that none and all are not infinite."""
    count, total = shares
    logits: Values = np.where(total > 0, logit((count + 0.5) / (total + 1)), np.nan)
    return logits
