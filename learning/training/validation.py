"""Validation: tracks scored as ingestion will score them, the mean over their patches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from tonearm.errors import TonearmError
from tonearm.learning.evaluation.metrics import mean_of_known, pr_auc, roc_auc
from tonearm.learning.training.inputs.batches import Shards, TrainingTrack

_PATCHES_AT_ONCE = 32


class DivergedError(TonearmError):
    """The loss or the scores are no numbers any more: the training cannot go on."""


@dataclass(frozen=True, slots=True)
class TrackScores:
    """What a network says of tracks, beside what is so.

    Attributes:
        scores: float64 [tracks, labels], 0 to 1: the mean over a track's patches.
        truths: int8 [tracks, labels]: 1, -1, or 0 where nothing is known.
    """

    scores: npt.NDArray[np.float64]
    truths: npt.NDArray[np.int8]

    @property
    def pr_auc(self) -> float:
        """Mean over the labels of the area under the precision-recall curve; 0 if no label has a figure."""
        return mean_of_known(pr_auc(self.scores, self.truths)) or 0.0

    @property
    def roc_auc(self) -> float:
        """The same of the ROC curve."""
        return mean_of_known(roc_auc(self.scores, self.truths)) or 0.0


def score_tracks(module: nn.Module, shards: Shards, device: str, between: Callable[[], None]) -> TrackScores:
    """Score tracks in float32, some patches at a time.

    Args:
        module: Maps inputs [batch, …] to logits [batch, labels]; in evaluation mode.
        shards: The tracks.
        device: Where the module is.
        between: Called between two batches; may raise to stop.

    Raises:
        DivergedError: A score is no number.
    """
    scores: list[npt.NDArray[np.float64]] = []
    truths: list[npt.NDArray[np.int8]] = []
    for tracks in _together(shards):
        inputs = torch.from_numpy(np.concatenate([track.inputs for track in tracks]))
        with torch.inference_mode():
            pieces = [module(piece.to(device)).sigmoid().cpu() for piece in inputs.split(_PATCHES_AT_ONCE)]
        patch_scores = torch.cat(pieces).double().numpy()
        if not np.isfinite(patch_scores).all():
            raise DivergedError("scores are no numbers any more: begin anew with a lower --learning_rate")
        ends = np.cumsum([len(track.inputs) for track in tracks])
        scores += [part.mean(axis=0) for part in np.split(patch_scores, ends[:-1])]
        truths += [track.labels for track in tracks]
        between()
    return TrackScores(np.stack(scores), np.stack(truths))


def _together(shards: Shards) -> Iterator[list[TrainingTrack]]:
    """Tracks whose patches fill a batch; a longer track alone."""
    waiting: list[TrainingTrack] = []
    patches = 0
    for shard in shards:
        for track in shard():
            waiting.append(track)
            patches += len(track.inputs)
            if patches >= _PATCHES_AT_ONCE:
                yield waiting
                waiting, patches = [], 0
    if waiting:
        yield waiting
