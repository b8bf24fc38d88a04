"""From patch scores to a track's tags, by the rule in the tagger's bundle."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tonearm.models.bundles.tagger import Selection, Tagger, TagRule

Scores = NDArray[np.float32]

# How one patch score is made of the units that mean the same: [patches, synonyms] -> [patches].
MERGES: Mapping[str, Callable[[Scores], Scores]] = {
    "max": lambda scores: scores.max(axis=1),
    "mean": lambda scores: scores.mean(axis=1),
}


@dataclass(frozen=True, slots=True)
class Tag:
    """What a tagger says about one track and one tag.

    Attributes:
        facet: genre, mood, instrument, voice, era or tempo.
        tag: The catalog's word.
        score: Mean over the patches, 0 to 1. A probability if the bundle calibrates the tag; if not, compare
            with the same tag on other tracks only.
        peak: Highest patch score, calibrated in the same way.
        presence: Share of the patches at or above the tag's threshold.
        selected: True if the bundle's rule picks the tag for this track.
    """

    facet: str
    tag: str
    score: float
    peak: float
    presence: float
    selected: bool


def tag_scores(tagger: Tagger, patch_scores: Scores, *, silent: bool = False) -> list[Tag]:
    """Score every tag of a tagger for one track.

    Args:
        tagger: The tagger that gave the scores.
        patch_scores: ``[patches, units]``, 0 to 1, in the tagger's unit order; at least one patch.
        silent: True if the track is silence, for which networks say something all the same; nothing is
            selected then.

    Returns:
        One entry for each canonical tag, facet by facet, the highest score first.

    Raises:
        ValueError: If the scores' shape is not the tagger's.
    """
    if patch_scores.ndim != 2 or not len(patch_scores) or patch_scores.shape[1] != len(tagger.units):
        raise ValueError(f"expected scores [patches, {len(tagger.units)}], found {patch_scores.shape}")
    merged = {
        rule.tag: MERGES[rule.merge](patch_scores[:, rule.units]).astype(np.float64) for rule in tagger.tags
    }
    track = {rule.tag: float(_calibrated(rule, merged[rule.tag].mean())) for rule in tagger.tags}
    patches = {rule.tag: _calibrated(rule, merged[rule.tag]) for rule in tagger.tags}
    selected = set() if silent else select(tagger, track)
    tags = [
        Tag(
            facet=rule.facet,
            tag=rule.tag,
            score=track[rule.tag],
            peak=float(patches[rule.tag].max()),
            presence=float((patches[rule.tag] >= rule.threshold).mean()),
            selected=rule.tag in selected,
        )
        for rule in tagger.tags
    ]
    facet_order = list(tagger.selection.limits)
    return sorted(tags, key=lambda tag: (facet_order.index(tag.facet), -tag.score, tag.tag))


def _calibrated(rule: TagRule, scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scores on the scale of the tag's threshold."""
    return rule.calibration.apply(scores) if rule.calibration else scores


def select(tagger: Tagger, scores: Mapping[str, float]) -> set[str]:
    """Pick the tags that a catalog should show for a track.

    A tag's strength is its score as a multiple of its threshold. Tags of strength 1 and more are candidates;
    of opposing sides only the one with the strongest tag keeps its candidates; of each facet's candidates the
    strongest few are selected.

    Args:
        tagger: Holds the thresholds, the limits and the opposing sides.
        scores: Track score by tag.

    Returns:
        The selected tags.

    Example:
        >>> from tonearm.models.bundles.loading import load_tagger
        >>> tagger = load_tagger("musicnn")
        >>> scores = dict.fromkeys((rule.tag for rule in tagger.tags), 0.0)
        >>> sorted(select(tagger, scores | {"classical": 0.5, "piano": 0.4}))
        ['classical', 'piano']
    """
    strengths = {rule.tag: scores[rule.tag] / rule.threshold for rule in tagger.tags}
    opposed = _weaker_sides(tagger.selection, strengths)
    facets = {rule.tag: rule.facet for rule in tagger.tags}
    candidates = [tag for tag, strength in strengths.items() if strength >= 1 and tag not in opposed]
    room = dict(tagger.selection.limits)
    selected = set()
    for tag in sorted(candidates, key=lambda tag: (-strengths[tag], tag)):
        if room[facets[tag]] > 0:
            room[facets[tag]] -= 1
            selected.add(tag)
    return selected


def _weaker_sides(selection: Selection, strengths: Mapping[str, float]) -> set[str]:
    """All tags on sides that are weaker than an opposing one."""
    weaker: set[str] = set()
    for sides in selection.exclusive:
        strongest = max(sides, key=lambda side: max(strengths[tag] for tag in side))
        weaker.update(tag for side in sides if side is not strongest for tag in side)
    return weaker
