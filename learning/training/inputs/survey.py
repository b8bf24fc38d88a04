"""A look through what is trained with, before work is spent: what there is, and whether it will do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tonearm.errors import WrongCallError
from tonearm.learning.datasets.reading import Dataset, read_shard, require_unchanged
from tonearm.learning.datasets.track import DatasetError
from tonearm.learning.labelled.track import Split
from tonearm.learning.training.settings import TrainingSettings

_FEWEST_LABELS = 2
_FEWEST_PATCHES = 2
"""Of a round: a network's batch norm needs two patches."""


class UnfitDatasetError(WrongCallError):
    """Nothing can be learned from the data set as it is; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What a split holds.

    Attributes:
        split: Which one.
        labels: int8 [tracks, labels]: 1, -1, or 0 where nothing is known.
        positives: By label, the tracks for which it holds.
        negatives: By label, the tracks for which it is known not to hold.
        patches: int64 [tracks], how many patches each has.
        licences: Tracks by licence.
        groups: The groups that there are; tracks without one are of none.
        audio: SHA-256 of each track's audio file.
    """

    split: Split
    labels: npt.NDArray[np.int8]
    positives: list[int]
    negatives: list[int]
    patches: npt.NDArray[np.int64]
    licences: Mapping[str, int]
    groups: frozenset[str]
    audio: frozenset[str]

    def samples(self, patches_per_track: int) -> int:
        """Patches of a round that takes so many of each track."""
        return int(np.minimum(self.patches, patches_per_track).sum())


def survey(dataset: Dataset, split: Split, between: Callable[[], None]) -> Survey:
    """Read a split once, all of it, so that a damaged shard is found before work is spent.

    Args:
        dataset: Opened for the split.
        split: Which one.
        between: Called between two tracks; may raise to stop.

    Raises:
        DatasetError: A shard is damaged, or holds patches that are not finite.
        UnfitDatasetError: There are no tracks.
    """
    labels: list[npt.NDArray[np.int8]] = []
    patches: list[int] = []
    licences: Counter[str] = Counter()
    groups: set[str] = set()
    audio: set[str] = set()
    for shard in dataset.shards(split):
        require_unchanged(shard.location, shard.entry)
        for track in read_shard(shard):
            if not len(track.patches) or not np.isfinite(track.patches).all():
                raise DatasetError(
                    f"{shard.location}: the track {track.track_id} has no patches, or some that are not "
                    "finite: build the data set anew"
                )
            labels.append(track.labels)
            patches.append(len(track.patches))
            licences[track.licence] += 1
            groups.add(track.group)
            audio.add(track.content_sha256)
            between()
    if not labels:
        raise UnfitDatasetError(
            f"{dataset.location} has no tracks for {split}: tracks with consent are needed in train and in "
            "validation"
        )
    stacked = np.stack(labels)
    return Survey(
        split=split,
        labels=stacked,
        positives=(stacked > 0).sum(axis=0).tolist(),
        negatives=(stacked < 0).sum(axis=0).tolist(),
        patches=np.array(patches),
        licences=dict(sorted(licences.items())),
        groups=frozenset(groups - {""}),
        audio=frozenset(audio),
    )


def require_apart(training: Survey, validation: Survey) -> None:
    """Refuse splits that share a group or audio: validation would tell how well tracks are remembered.

    Raises:
        UnfitDatasetError: A group, or the same audio, is in both.
    """
    if shared := sorted(training.groups & validation.groups):
        raise UnfitDatasetError(
            f"{len(shared)} groups are in train and in validation, such as {shared[0]}: split by "
            "group, not by track"
        )
    if shared := sorted(training.audio & validation.audio):
        raise UnfitDatasetError(
            f"{len(shared)} audio files are in train and in validation; one has the SHA-256 {shared[0]}"
        )


def require_batches(training: Survey, settings: TrainingSettings) -> None:
    """Refuse steps of one patch, of which a network's batch norm has no variance.

    Raises:
        UnfitDatasetError: With what to change.
    """
    if settings.batch < _FEWEST_PATCHES:
        raise UnfitDatasetError(
            f"--batch must be {_FEWEST_PATCHES} or more: a network learns from several patches at once"
        )
    if training.samples(settings.patches_per_track) < _FEWEST_PATCHES:
        raise UnfitDatasetError("the train split has a single patch: a network learns from several at once")


def learnable_labels(
    labels: Sequence[str], training: Survey, validation: Survey, min_positives: int | None
) -> list[int]:
    """The places of the labels that are trained.

    Args:
        labels: The data set's vocabulary.
        training: What there is to learn from.
        validation: What there is to judge by.
        min_positives: Labels with fewer tracks in either are left out; if None, all must have one.

    Raises:
        UnfitDatasetError: A label cannot be learned or judged, or too few labels are left.
    """
    fewest = min_positives or 1
    counts = {
        place: min(training.positives[place], validation.positives[place]) for place in range(len(labels))
    }
    kept = [place for place, count in counts.items() if count >= fewest]
    left_out = [labels[place] for place, count in counts.items() if count < fewest]
    if left_out and min_positives is None:
        raise UnfitDatasetError(
            f"no track has the label in train, or none has it in validation: {', '.join(left_out[:10])}. "
            "Build a data set with such tracks, or leave out rare labels with --min_positives"
        )
    without = [
        labels[place] for place in kept if not training.negatives[place] or not validation.negatives[place]
    ]
    if without:
        raise UnfitDatasetError(
            "no track is known to be without the label in train, or none in validation: "
            f"{', '.join(without[:10])}. Nothing can be told apart by what all tracks have; labels need "
            "tracks that say `label=-`"
        )
    if len(kept) < _FEWEST_LABELS:
        raise UnfitDatasetError(
            f"a tagger needs {_FEWEST_LABELS} labels or more; there are {len(kept)} to train"
        )
    return kept
