"""A small data set, written without audio: patches of noise with labels, for what reads data sets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from tonearm.learning.datasets.description import front_end_told, shard_told
from tonearm.learning.datasets.track import DatasetTrack
from tonearm.learning.datasets.writing import write_description, write_shard
from tonearm.learning.labelled.track import Split
from tonearm.models.front_end import FrontEnd

SMALL_FRONT_END = FrontEnd(mel_bands=8, patch_frames=5, patch_hop_frames=5)


def noise_track(number: int, labels: Sequence[int], patches: int = 2, **values: object) -> DatasetTrack:
    """A track whose patches are noise that its number decides."""
    noise = np.random.default_rng(number).random((patches, 5, 8), np.float32)
    whole = {
        "track_id": f"t{number}",
        "uri": f"{number}.flac",
        "group": f"g{number}",
        "labels": np.array(labels, np.int8),
        "content_sha256": f"{number:064x}",
        "licence": "CC0",
        "manifest": "labelled.csv",
        "manifest_row": number + 1,
        "metadata": {},
        "codec": "flac",
        "duration_s": 3.5,
        "truncated": False,
        "starts_s": np.arange(patches) * SMALL_FRONT_END.patch_seconds,
        "patches": noise,
    }
    return DatasetTrack(**{**whole, **values})


def write_small_dataset(
    folder: Path, shards: Mapping[Split, Iterable[Sequence[DatasetTrack]]], labels: Sequence[str]
) -> Path:
    """Write a data set of these shards, by split."""
    entries = [
        write_shard(str(folder), split, tracks, SMALL_FRONT_END, labels)
        for split, of_split in shards.items()
        for tracks in of_split
    ]
    told = {
        "front_end": front_end_told(SMALL_FRONT_END),
        "labels": list(labels),
        "shards": [shard_told(entry) for entry in entries if entry],
        "origin": {"folder": "/music", "tonearm": "0"},
    }
    write_description(str(folder), told)
    return folder
