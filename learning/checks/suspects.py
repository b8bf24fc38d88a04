"""Check of labels that are likely to be wrong, as what is heard speaks against them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from tonearm.learning.checks.finding import CheckWord, Finding, about
from tonearm.learning.checks.hearing import HeardTrack, Sound
from tonearm.learning.labelled.track import LabelledTrack
from tonearm.learning.suspects.confident_learning import Labels, doubts
from tonearm.learning.suspects.embedding import Embedding
from tonearm.learning.suspects.probe import held_out_predictions

_ALMOST_SURE = 0.9
"""How probable the opposite of a label must be for it to be named; measured in docs/learning.md."""


def suspect_labels(heard: Sequence[HeardTrack], fraction: float | None) -> Iterator[Finding]:
    """Labels of tracks that a probe, which has not seen the track, speaks against; the worst ones first.

    Args:
        heard: Tracks with embeddings; those without are passed over.
        fraction: Which part of the labels that are given is named; None for those whose opposite is predicted
            confidently and almost surely.
    """
    tracks, embeddings = _embedded(heard)
    if not tracks:
        return
    names = sorted({name for track in tracks for name in track.labels.named})
    given = _given(tracks, names)
    predicted = held_out_predictions(np.stack(embeddings), given, [track.group for track in tracks])
    found = doubts(given, predicted)
    rows, columns = np.nonzero(~np.isnan(found.suspicion))
    worst_first = np.argsort(-found.suspicion[rows, columns], kind="stable")
    rows, columns = rows[worst_first], columns[worst_first]
    if fraction is None:
        named = found.is_confident[rows, columns] & (found.suspicion[rows, columns] >= _ALMOST_SURE)
    else:
        named = np.arange(len(rows)) < round(fraction * len(rows))
    for row, column in zip(rows[named].tolist(), columns[named].tolist(), strict=True):
        said = "holds" if given[row, column] > 0 else "does not hold"
        message = (
            f"{names[column]!r} {said}, says the row; by what is heard and the labels of the other groups it "
            f"holds with a probability of {predicted[row, column]:.0%}"
        )
        finding = about(CheckWord.SUSPECT_LABEL, message, tracks[row])
        suspicion = round(float(found.suspicion[row, column]), 4)
        yield replace(finding, labels=[names[column]], suspicion=suspicion)


def _embedded(heard: Sequence[HeardTrack]) -> tuple[list[LabelledTrack], list[Embedding]]:
    tracks: list[LabelledTrack] = []
    embeddings: list[Embedding] = []
    for each in heard:
        if isinstance(each.sound, Sound) and each.sound.embedding is not None:
            tracks.append(each.track)
            embeddings.append(each.sound.embedding)
    return tracks, embeddings


def _given(tracks: Sequence[LabelledTrack], names: Sequence[str]) -> Labels:
    """What rows say: int8 [tracks, labels]."""
    return np.array([[track.labels.value_of(name) for name in names] for track in tracks], np.int8)
