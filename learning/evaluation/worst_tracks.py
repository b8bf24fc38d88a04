"""The tracks of which a tagger is most wrong: where it, or the label, should be listened to first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tonearm.learning.evaluation.table import Table

LOWEST = 1e-6
"""Scores nearer to 0 or 1 count as this near: one that is wholly wrong would outweigh all others."""


@dataclass(frozen=True, slots=True)
class WorstTrack:
    """A track with what is wrong.

    Attributes:
        place: Which of the table's tracks.
        loss: Mean over its known tags of the cross entropy, -log of what the score gives the truth.
        missed: Labels that hold and are not said, the lowest score first, with their scores.
        wrongly_said: Labels that do not hold and are said, the highest score first, with their scores.
    """

    place: int
    loss: float
    missed: tuple[tuple[str, float], ...]
    wrongly_said: tuple[tuple[str, float], ...]


def worst_tracks(table: Table, most: int) -> list[WorstTrack]:
    """The tracks of the greatest loss, the worst first; only those with something missed or wrongly said.

    Args:
        table: Truths and scores.
        most: How many.
    """
    known = table.truths != 0
    given = np.where(table.truths > 0, table.scores, 1 - table.scores).clip(LOWEST, 1)
    totals = np.where(known, -np.log(given), 0.0).sum(axis=1)
    losses = totals / np.maximum(known.sum(axis=1), 1)
    found: list[WorstTrack] = []
    for place in np.argsort(-losses, kind="stable"):
        track = _worst(table, int(place), float(losses[place]))
        if track.missed or track.wrongly_said:
            found.append(track)
        if len(found) == most:
            break
    return found


def _worst(table: Table, place: int, loss: float) -> WorstTrack:
    scored = list(zip(table.tags, table.scores[place].tolist(), table.truths[place], strict=True))
    missed = [(tag.label, score) for tag, score, truth in scored if truth > 0 and score < tag.threshold]
    said = [(tag.label, score) for tag, score, truth in scored if truth < 0 and score >= tag.threshold]
    return WorstTrack(
        place=place,
        loss=loss,
        missed=tuple(sorted(missed, key=lambda item: item[1])),
        wrongly_said=tuple(sorted(said, key=lambda item: -item[1])),
    )
