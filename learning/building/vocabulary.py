"""The vocabulary of a data set: labels that can be learned, since training tracks have and lack them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tonearm.errors import WrongCallError
from tonearm.learning.building.rules import BuildRules
from tonearm.learning.labelled.labels import ALL, Labels
from tonearm.learning.labelled.track import LabelledTrack

Values = npt.NDArray[np.int8]

_FEWEST_LABELS = 2
_NAMED = 5
"""Labels that an error names."""


class VocabularyError(WrongCallError):
    """The labels cannot be learned from these tracks; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The labels of a data set.

    Attributes:
        labels: Sorted.
        left_out: Labels that some track is said to have, and why they are not among them.
    """

    labels: tuple[str, ...]
    left_out: Mapping[str, str]


class LabelValues:
    """What rows say of a number of labels, as an array.

    Args:
        labels: The labels.
    """

    def __init__(self, labels: Sequence[str]) -> None:
        self._labels = labels
        self._index = {label: index for index, label in enumerate(labels)}
        self._by_beginnings: dict[frozenset[tuple[str, int]], Values] = {}

    def of(self, labels: Labels) -> Values:
        """int8 [labels]: 1 holds, -1 does not, 0 is unknown."""
        beginnings = frozenset((beginning, int(value)) for beginning, value in labels.beginnings.items())
        if beginnings not in self._by_beginnings:
            unnamed = Labels({}, labels.beginnings)
            values = np.array([unnamed.value_of(label) for label in self._labels], np.int8)
            self._by_beginnings[beginnings] = values
        values = self._by_beginnings[beginnings].copy()
        for label, value in labels.named.items():
            if (index := self._index.get(label)) is not None:
                values[index] = value
        return values


def vocabulary_of(
    tracks: Sequence[LabelledTrack], training: Sequence[LabelledTrack], rules: BuildRules
) -> Vocabulary:
    """Choose the labels.

    Args:
        tracks: Tracks of all splits.
        training: Those that are trained on.
        rules: Say which labels are wanted, and how many training tracks each is to hold for.

    Raises:
        VocabularyError: A label that is wanted by name cannot be learned, or there are not two that can.
    """
    candidates = sorted(_wanted({label for track in tracks for label in track.labels.named}, rules.labels))
    values = LabelValues(candidates)
    positives, negatives = np.zeros(len(candidates), int), np.zeros(len(candidates), int)
    for track in training:
        of_track = values.of(track.labels)
        positives += of_track > 0
        negatives += of_track < 0
    reasons = {
        label: _reason(int(holds), int(lacks), rules.min_positives)
        for label, holds, lacks in zip(candidates, positives, negatives, strict=True)
    }
    by_name = {label for label in rules.labels if not label.endswith(ALL)}
    beginnings = {label for label in rules.labels if label.endswith(ALL)}
    without = {each for each in beginnings if not any(label.startswith(each[:-1]) for label in candidates)}
    _require_known((by_name - reasons.keys()) | without)
    _require_learnable({label: reason for label, reason in reasons.items() if reason and label in by_name})
    left_out = {label: reason for label, reason in reasons.items() if reason}
    labels = tuple(label for label, reason in reasons.items() if not reason)
    _require_several(labels, left_out)
    return Vocabulary(labels, left_out)


def _wanted(named: Iterable[str], wanted: Sequence[str]) -> Iterable[str]:
    """The labels that are asked for, of those that the manifest names."""
    if not wanted:
        return named
    beginnings = tuple(each.removesuffix(ALL) for each in wanted if each.endswith(ALL))
    return [label for label in named if label in wanted or label.startswith(beginnings)]


def _reason(positives: int, negatives: int, min_positives: int) -> str:
    """Why a label cannot be learned; empty if it can."""
    if not positives:
        return "it holds for no training track"
    if positives < min_positives:
        return f"it holds for {positives} training tracks, fewer than --min_positives {min_positives}"
    if not negatives:
        return "no training track is said to lack it"
    return ""


def _require_known(unknown: Iterable[str]) -> None:
    if missing := sorted(unknown):
        raise VocabularyError(
            f"no track with consent, of whatever split, is said to have or lack {_listed(missing)}: "
            "correct --labels or the manifest"
        )


def _require_learnable(reasons: Mapping[str, str]) -> None:
    if reasons:
        told = "; ".join(f"{label}: {reason}" for label, reason in list(reasons.items())[:_NAMED])
        raise VocabularyError(f"labels that are asked for cannot be learned: {told}{_rest(reasons)}")


def _require_several(labels: Sequence[str], left_out: Mapping[str, str]) -> None:
    if len(labels) >= _FEWEST_LABELS:
        return
    found = f"{labels[0]!r} is the only label that can be learned" if labels else "no label can be learned"
    told = "; ".join(f"{label}: {reason}" for label, reason in list(left_out.items())[:_NAMED])
    raise VocabularyError(
        f"{found}, and a tagger needs {_FEWEST_LABELS}{': ' * bool(told)}{told}{_rest(left_out)}. A label "
        "that a row does not name is unknown: write *=- where its list is complete"
    )


def _rest(labels: Mapping[str, str]) -> str:
    further = len(labels) - _NAMED
    return f"; and {further} more" if further > 0 else ""


def _listed(labels: Sequence[str]) -> str:
    further = f" and {len(labels) - _NAMED} more" if len(labels) > _NAMED else ""
    return ", ".join(repr(label) for label in labels[:_NAMED]) + further
