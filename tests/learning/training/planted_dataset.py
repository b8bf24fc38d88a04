"""A data set with something to learn: each label adds a tone of its own to its tracks' noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.learning.datasets.small_dataset import noise_track
from tonearm.learning.datasets.description import front_end_told, shard_told
from tonearm.learning.datasets.track import DatasetTrack
from tonearm.learning.datasets.writing import write_description, write_shard
from tonearm.learning.labelled.track import Split
from tonearm.models.front_end import FrontEnd

PLANTED_FRONT_END = FrontEnd(mel_bands=32, patch_frames=32, patch_hop_frames=32)
"""The smallest that a short-chunk network takes."""

LABELS = ("flute", "organ", "piano")
TRACKS_OF_SHARD = 8


def planted_track(
    number: int,
    *,
    patches: int = 2,
    loudness: float = 0.5,
    tones: int = len(LABELS),
    labels: Sequence[int] | None = None,
    front_end: FrontEnd = PLANTED_FRONT_END,
) -> DatasetTrack:
    """A track whose number decides which labels hold, and all of its noise.

    Args:
        number: Of the track.
        patches: How many it has.
        loudness: Of the tones beside the noise.
        tones: How many there are: the size of the vocabulary.
        labels: What is said of it; what holds, if not given.
        front_end: Decides the size of a patch.
    """
    numbers = np.random.default_rng(number)
    holds = numbers.random(tones) < 0.5
    shape = (patches, front_end.patch_frames, front_end.mel_bands)
    sound = numbers.random(shape, np.float32)
    for place in np.flatnonzero(holds):
        sound[:, :, (place + 1) * front_end.mel_bands // (tones + 1)] += np.float32(loudness)
    said = np.where(holds, 1, -1) if labels is None else labels
    starts_s = np.arange(patches) * front_end.patch_seconds
    return replace(noise_track(number, said), patches=sound, starts_s=starts_s)


def write_planted_dataset(
    folder: Path,
    tracks: dict[Split, Sequence[DatasetTrack]],
    *,
    front_end: FrontEnd = PLANTED_FRONT_END,
    labels: Sequence[str] = LABELS,
) -> Path:
    """Write these tracks as a data set, some to a shard."""
    entries = [
        write_shard(str(folder), split, of_split[begin : begin + TRACKS_OF_SHARD], front_end, labels)
        for split, of_split in tracks.items()
        for begin in range(0, len(of_split), TRACKS_OF_SHARD)
    ]
    told = {
        "front_end": front_end_told(front_end),
        "labels": list(labels),
        "shards": [shard_told(entry) for entry in entries if entry],
        "origin": {"folder": "/music", "tonearm": "0"},
    }
    write_description(str(folder), told)
    return folder


def planted_splits(
    train: int, validation: int, test: int = 0, **values: object
) -> dict[Split, list[DatasetTrack]]:
    """Different tracks for each split."""
    ends = np.cumsum([0, train, validation, test])
    return {
        split: [planted_track(number, **values) for number in range(ends[place], ends[place + 1])]
        for place, split in enumerate(Split)
    }
