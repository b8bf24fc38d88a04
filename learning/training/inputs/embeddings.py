"""Embeddings of a data set, computed once, where only a network's last layer learns.

They lie beside the checkpoint, a file for each shard of the data set, and are streamed as patches are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from tonearm.learning.training.checkpoints import CheckpointError, write_whole, writing_to
from tonearm.learning.training.inputs.batches import Shards, TrainingTrack
from tonearm.models.engines.contract import Array


def embedded(
    shards: Shards, embed: Callable[[Array], Array], folder: Path, between: Callable[[], None]
) -> Shards:
    """The same tracks with embeddings in place of patches.

    Args:
        shards: Tracks with patches.
        embed: Maps patches float32 [patches, frames, bands] to embeddings float32 [patches, size].
        folder: Where the embeddings are kept; shards that are there already are not computed again.
        between: Called between two tracks; may raise to stop.

    Raises:
        WorkFolderError: They cannot be written.
    """
    files = []
    for number, shard in enumerate(shards):
        file = folder / f"{number}.safetensors"
        if not file.exists():
            content = _embed_shard(shard(), embed, between)
            with writing_to(folder):
                folder.mkdir(parents=True, exist_ok=True)
                write_whole(file, content)
        files.append(file)
    return [partial(_read, file) for file in files]


def _embed_shard(
    tracks: Iterator[TrainingTrack], embed: Callable[[Array], Array], between: Callable[[], None]
) -> bytes:
    labels, counts, embeddings = [], [], []
    for track in tracks:
        labels.append(track.labels)
        counts.append(len(track.inputs))
        embeddings.append(embed(track.inputs))
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
