"""Embeddings of a data set, computed once, where only a network's last layer learns.

They lie beside the checkpoint, a file for each shard of the data set, and are streamed as patches are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from tonearm.learning.training.checkpoints import CheckpointError, write_whole, writing_to
from tonearm.learning.training.inputs.batches import Shards, TrainingTrack
from tonearm.models.tagging_network import TaggingNetwork

_PATCHES_AT_ONCE = 8
"""More are slower on a CPU: what lies between the layers does not fit its caches."""


def embedded(
    shards: Shards, network: TaggingNetwork, device: str, folder: Path, between: Callable[[], None]
) -> Shards:
    """The same tracks with embeddings in place of patches.

    Args:
        shards: Tracks with patches.
        network: In evaluation mode, on the device.
        device: Where it is.
        folder: Where the embeddings are kept; shards that are there already are not computed again.
        between: Called between two tracks; may raise to stop.

    Raises:
        WorkFolderError: They cannot be written.
    """
    files = []
    for number, shard in enumerate(shards):
        file = folder / f"{number}.safetensors"
        if not file.exists():
            content = _embed_shard(shard(), network, device, between)
            with writing_to(folder):
                folder.mkdir(parents=True, exist_ok=True)
                write_whole(file, content)
        files.append(file)
    return [partial(_read, file) for file in files]


def _embed_shard(
    tracks: Iterator[TrainingTrack], network: TaggingNetwork, device: str, between: Callable[[], None]
) -> bytes:
    labels, counts, embeddings = [], [], []
    for track in tracks:
        with torch.inference_mode():
            embeddings += [
                network.embedding_of(piece.to(device)).cpu().numpy()
                for piece in torch.from_numpy(track.inputs).split(_PATCHES_AT_ONCE)
            ]
        labels.append(track.labels)
        counts.append(len(track.inputs))
        between()
    return save(
        {
            "labels": np.stack(labels),
            "counts": np.array(counts, np.int64),
            "embeddings": np.concatenate(embeddings),
        }
    )


def _read(file: Path) -> Iterator[TrainingTrack]:
    try:
        found = load_file(file)
        ends = np.cumsum(found["counts"])
        pieces = np.split(found["embeddings"], ends[:-1])
        for labels, inputs in zip(found["labels"], pieces, strict=True):
            yield TrainingTrack(labels, inputs)
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise CheckpointError(f"{file} is damaged: remove {file.parent} and go on with --resume") from error
