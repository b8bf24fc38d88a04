"""A tagger beside a baseline, on the same tracks and labels: what differs, and if it is more than chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tonearm.learning.evaluation.figures import (
    FIGURES,
    Figure,
    Figures,
    figures_of,
    groups_that_tell,
    known_groups,
    mean_over_tags,
    told_by_both_sides,
)
from tonearm.learning.evaluation.resampling import Array, Resampling
from tonearm.learning.evaluation.table import Table


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Two taggers on the labels that both have.

    Attributes:
        labels: These labels.
        tagger: The tagger's table of them.
        baseline: The baseline's.
        of_tagger: The tagger's figures.
        of_baseline: The baseline's.
        tag_differences: Tagger minus baseline, by tag, then by name.
        facet_differences: The same of macro means by facet.
        overall_differences: The same over all these tags.
    """

    labels: tuple[str, ...]
    tagger: Table
    baseline: Table
    of_tagger: Figures
    of_baseline: Figures
    tag_differences: list[dict[str, Figure]]
    facet_differences: dict[str, dict[str, Figure]]
    overall_differences: dict[str, Figure]


def compare(tagger: Table, baseline: Table, resampling: Resampling) -> Comparison:
    """Compare on the same draws of groups, so that what both find hard does not blur the difference.

    Args:
        tagger: Its table, of all tracks.
        baseline: Its table, of the same tracks in the same order.
        resampling: How intervals are made.
    """
    of_baseline = {tag.label for tag in baseline.tags}
    labels = tuple(tag.label for tag in tagger.tags if tag.label in of_baseline)
    ours, theirs = tagger.of_labels(labels), baseline.of_labels(labels)
    our_figures, their_figures = figures_of(ours, resampling), figures_of(theirs, resampling)
    resampled = our_figures.resampled - their_figures.resampled
    witnesses = groups_that_tell(ours)
    tag_differences = [
        _differences(first, second, resampled[:, place], witnesses[place], resampling)
        for place, (first, second) in enumerate(zip(our_figures.of_tags, their_figures.of_tags, strict=True))
    ]
    counted = told_by_both_sides(ours)

    def of_means(first: dict[str, Figure], second: dict[str, Figure], places: list[int]) -> dict[str, Figure]:
        some = [place for place in counted if place in places]
        means = mean_over_tags(our_figures.resampled[:, some]) - mean_over_tags(
            their_figures.resampled[:, some]
        )
        return _differences(first, second, means, known_groups(ours, some), resampling)

    return Comparison(
        labels=labels,
        tagger=ours,
        baseline=theirs,
        of_tagger=our_figures,
        of_baseline=their_figures,
        tag_differences=tag_differences,
        facet_differences={
            facet: of_means(our_figures.of_facets[facet], their_figures.of_facets[facet], places)
            for facet, places in ours.facets.items()
        },
        overall_differences=of_means(our_figures.overall, their_figures.overall, list(range(len(labels)))),
    )


def _differences(
    first: dict[str, Figure], second: dict[str, Figure], resampled: Array, groups: int, resampling: Resampling
) -> dict[str, Figure]:
    return {
        name: _difference(first[name], second[name], resampled[:, place], groups, resampling)
        for place, name in enumerate(FIGURES)
    }


def _difference(
    first: Figure, second: Figure, resampled: Array, groups: int, resampling: Resampling
) -> Figure:
    if first.value is None or second.value is None:
        return Figure(None, None)
    return Figure(first.value - second.value, resampling.interval(np.asarray(resampled), groups))
