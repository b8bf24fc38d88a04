"""The figures of an evaluation, by tag, by facet and over all, with their intervals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from tonearm.learning.evaluation.metrics import decisions, mean_of_known, pr_auc, roc_auc
from tonearm.learning.evaluation.ranking import weighted_areas
from tonearm.learning.evaluation.resampling import Resampling
from tonearm.learning.evaluation.table import Table
from tonearm.learning.evaluation.tracks.workers import in_order, worker_count

Array = npt.NDArray[np.float64]

FIGURES = ("roc_auc", "pr_auc", "f1", "precision", "recall", "brier")
"""Brier score: mean of (score - truth)², truth 0 or 1; the smaller, the better. Others: the greater."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with what it may be off by.

    Attributes:
        value: None if these tracks cannot tell.
        interval: Both ends; None if these tracks cannot tell.
    """

    value: float | None
    interval: tuple[float, float] | None


@dataclass(frozen=True, slots=True, eq=False)
class Figures:
    """All figures of a table.

    Attributes:
        of_tags: By tag, then by name.
        of_facets: Macro means by facet, then by name.
        overall: Macro means over all tags, by name.
        resampled: float [resamples, tags, figures], NaN where not known; for differences.
    """

    of_tags: list[dict[str, Figure]]
    of_facets: dict[str, dict[str, Figure]]
    overall: dict[str, Figure]
    resampled: Array


def figures_of(table: Table, resampling: Resampling) -> Figures:
    """Reckon all figures of a table and their intervals."""
    values = _values(table)
    resampled = resampled_figures(table, resampling)
    witnesses = groups_that_tell(table)
    of_tags = [
        _with_intervals(values[place], resampled[:, place], witnesses[place], resampling)
        for place in range(len(table.tags))
    ]
    mean = partial(_means, table, values, resampled, resampling)
    return Figures(
        of_tags,
        {facet: mean(places) for facet, places in table.facets.items()},
        mean(range(len(table.tags))),
        resampled,
    )


def groups_that_tell(table: Table) -> list[int]:
    """By tag, the groups that have it or those that lack it, whichever are fewer."""
    return [
        min(len(np.unique(table.groups[truths > 0])), len(np.unique(table.groups[truths < 0])))
        for truths in table.truths.T
    ]


def known_groups(table: Table, places: Sequence[int]) -> int:
    """Groups of the tracks of which anything is known of these tags."""
    return len(np.unique(table.groups[(table.truths[:, places] != 0).any(axis=1)]))


def told_by_both_sides(table: Table) -> list[int]:
    """Places of the tags that some tracks are known to have and some to lack: only these count in means."""
    return [place for place, groups in enumerate(groups_that_tell(table)) if groups]


def mean_over_tags(resampled: Array) -> Array:
    """The means over tags of what is known of them.

    Args:
        resampled: float [resamples, tags, figures], NaN where not known.

    Returns:
        float [resamples, figures], NaN where nothing is.
    """
    known = np.isfinite(resampled)
    with np.errstate(invalid="ignore"):
        return np.where(known, resampled, 0.0).sum(axis=1) / known.sum(axis=1)


def resampled_figures(table: Table, resampling: Resampling) -> Array:
    """All figures of all tags in each resample: float [resamples, tags, figures], NaN where not known."""
    reckon = partial(_weighted, table)
    return np.concatenate(list(in_order(reckon, resampling.weights(table.groups), worker_count())))


def _values(table: Table) -> list[list[float | None]]:
    """The figures from all tracks, by tag."""
    counted = decisions(table.scores, table.truths, table.thresholds)
    by_figure = zip(
        roc_auc(table.scores, table.truths),
        pr_auc(table.scores, table.truths),
        (each.f1 for each in counted),
        (each.precision for each in counted),
        (each.recall for each in counted),
        _brier(table),
        strict=True,
    )
    return [list(values) for values in by_figure]


def _brier(table: Table) -> Iterator[float | None]:
    for scores, truths in zip(table.scores.T, table.truths.T, strict=True):
        known = truths != 0
        yield float(np.mean((scores[known] - (truths[known] > 0)) ** 2)) if known.any() else None


def _means(
    table: Table,
    values: list[list[float | None]],
    resampled: Array,
    resampling: Resampling,
    places: Sequence[int],
) -> dict[str, Figure]:
    counted = [place for place in told_by_both_sides(table) if place in places]
    means = [mean_of_known(values[place][figure] for place in counted) for figure in range(len(FIGURES))]
    witnesses = known_groups(table, counted)
    return _with_intervals(means, mean_over_tags(resampled[:, counted]), witnesses, resampling)


def _with_intervals(
    values: Sequence[float | None], resampled: Array, groups: int, resampling: Resampling
) -> dict[str, Figure]:
    return {
        name: Figure(value, None if value is None else resampling.interval(resampled[:, place], groups))
        for place, (name, value) in enumerate(zip(FIGURES, values, strict=True))
    }


def _weighted(table: Table, weights: Array) -> Array:
    """All figures of all tags for some weightings: float [weightings, tags, figures]."""
    return np.stack([_weighted_tag(table, place, weights) for place in range(len(table.tags))], axis=1)


def _weighted_tag(table: Table, place: int, weights: Array) -> Array:
    known = table.truths[:, place] != 0
    if not known.any():
        return np.full((len(weights), len(FIGURES)), np.nan)
    scores, holds, some = table.scores[known, place], table.truths[known, place] > 0, weights[:, known]
    said = scores >= table.thresholds[place]
    found, alarms, missed = some @ (said & holds), some @ (said & ~holds), some @ (~said & holds)
    with np.errstate(invalid="ignore", divide="ignore"):
        figures = [
            *weighted_areas(scores, holds, some),
            np.where(found + missed > 0, 2 * found / (2 * found + alarms + missed), np.nan),
            found / (found + alarms),
            found / (found + missed),
            some @ (scores - holds) ** 2 / some.sum(axis=1),
        ]
    return np.stack(figures, axis=1)
