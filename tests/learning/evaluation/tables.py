"""Tables of truths and scores made up for tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tonearm.learning.evaluation.table import Table
from tonearm.learning.evaluation.tracks.vocabulary import JudgedTag


def table(
    truths: Sequence[Sequence[int]],
    scores: Sequence[Sequence[float]],
    groups: Sequence[int] | None = None,
    facets: Sequence[str] = (),
    threshold: float = 0.5,
) -> Table:
    """A table of tags a, b, c …; of one group a track and one facet unless told otherwise."""
    held = np.array(truths, np.int8)
    tags = tuple(
        JudgedTag(label, label, facet, threshold)
        for label, facet in zip("abcdefgh", facets or ["genre"] * held.shape[1], strict=False)
    )[: held.shape[1]]
    numbers = np.arange(len(held)) if groups is None else np.array(groups)
    return Table(tags, np.array(scores, float), held, numbers.astype(np.intp))


def population(generator: np.random.Generator, groups: int) -> Table:
    """Tracks of groups that resemble each other: two tags, each group with leanings and offsets of its own.

    The scores are probabilities of neither tag, and tracks of one group score alike.
    """
    sizes = generator.integers(1, 9, groups)
    of_track = np.repeat(np.arange(groups), sizes)
    leanings, offsets = generator.normal(0, 1, (groups, 2)), generator.normal(0, 0.5, (groups, 2))
    chance = 1 / (1 + np.exp(-(leanings + np.array([-0.8, -1.4]))))
    holds = generator.random((len(of_track), 2)) < chance[of_track]
    logits = 1.8 * holds + offsets[of_track] + generator.normal(0, 1, holds.shape) - 1
    truths = np.where(holds, 1, -1)
    truths[generator.random(truths.shape) < 0.1] = 0
    return table(truths.tolist(), (1 / (1 + np.exp(-logits))).tolist(), of_track.tolist())
