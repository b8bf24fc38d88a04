"""A training from the call to the bundle: what is checked first, what is learned, what is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tonearm.errors import StoppedError, WrongCallError
from tonearm.learning.datasets.reading import Dataset, Shard, open_dataset, read_shard
from tonearm.learning.labelled.track import Split
from tonearm.learning.training.call import Listener, TrainingCall
from tonearm.learning.training.checkpoints import holds_checkpoint, locked, work_folder
from tonearm.learning.training.inputs.batches import MEGABYTE, Shards, TrainingTrack, kept_in_memory
from tonearm.learning.training.inputs.embeddings import embedded
from tonearm.learning.training.inputs.material import Material
from tonearm.learning.training.inputs.survey import learnable_labels, require_apart, require_batches, survey
from tonearm.learning.training.keeper import Keeper
from tonearm.learning.training.loop import Task, train_epochs
from tonearm.learning.training.loss import positive_weights
from tonearm.learning.training.machine import repeatable
from tonearm.learning.training.outcome.writing import Trained, write_trained
from tonearm.learning.training.start import Head, Logits, Tune, embedder, require_front_end, starting_network
from tonearm.learning.training.state import TrainingState
from tonearm.learning.training.validation import TrackScores, score_tracks
from tonearm.models.bundles.writing import require_new_bundle
from tonearm.models.tagging_network import TaggingNetwork

_SPLITS = (Split.TRAIN, Split.VALIDATION)
"""All that is opened: nothing of the test split is looked at, and it need not be there."""


def train(call: TrainingCall, listener: Listener) -> Trained:
    """Train a tagger and write its bundle.

    Nothing is computed before all that can be known of the call and the data set is found right. A training
    that is stopped, killed or fails keeps its checkpoint; its folder is removed once the bundle is written.

    Raises:
        WrongCallError: The data set, the bundle to begin with, the output or the checkpoint cannot be used.
        TonearmError: Something cannot be written, or the training diverged.
        StoppedError: A signal came; the message says how to go on.
    """
    folder = work_folder(call.output)
    _require_places(call, folder)
    dataset = open_dataset(call.dataset, _SPLITS)
    meanings = call.meanings_of(dataset.labels)
    require_front_end(call.architecture, call.base, dataset.front_end)
    training, validation = (survey(dataset, split, partial(_leave_if_stopped, listener)) for split in _SPLITS)
    require_apart(training, validation)
    if call.tune is not Tune.HEAD:
        require_batches(training, call.settings)
    kept = learnable_labels(dataset.labels, training, validation, call.min_positives)
    material = Material(dataset, training, validation, kept, tuple(meanings[place] for place in kept))
    with repeatable(call.machine), locked(folder):
        network, state, scores = _train(call, material, folder, listener)
        return write_trained(call, material, network, state, scores)


def _require_places(call: TrainingCall, folder: Path) -> None:
    """Refuse what would be overwritten, before any work.

    Raises:
        WrongCallError: With what to do.
    """
    require_new_bundle(call.output)
    if holds_checkpoint(folder) and not call.resume:
        raise WrongCallError(
            f"{folder} has a training that was not finished: go on with --resume, or remove it to begin anew"
        )


def _train(
    call: TrainingCall, material: Material, folder: Path, listener: Listener
) -> tuple[TaggingNetwork, TrainingState, TrackScores]:
    """Learn; returns the network with the best weights, where it ended, and the validation's scores."""
    settings, machine = call.settings, call.machine
    network = starting_network(call.architecture, call.base, len(material.kept), settings.seed)
    network.to(machine.device)
    is_head = call.tune is Tune.HEAD
    module = Head(network.output, settings.dropout) if is_head else Logits(network, settings.dropout)
    state = TrainingState(module, settings)
    keeper = Keeper(folder, _arguments(call, material), call.checkpoint_s, listener)
    keeper.begin(state)
    task = _task(call, material, folder, partial(keeper.between, state))
    listener.begun(settings.epochs * task.steps_in_epoch(settings), state)
    train_epochs(state, task, settings, machine, keeper)
    assert state.best is not None
    module.load_state_dict(state.best)
    module.eval()
    scores = score_tracks(module, task.validation, machine.device, partial(keeper.between, state))
    return network.eval().cpu(), state, scores


def _task(call: TrainingCall, material: Material, folder: Path, between: Callable[[], None]) -> Task:
    splits = [_tracks_of(material.dataset, split, material.kept) for split in _SPLITS]
    if call.base and call.tune is Tune.HEAD:
        embed = embedder(call.base, call.machine.precision)
        splits = [
            embedded(shards, embed, folder / f"embeddings-{split}", between)
            for split, shards in zip(_SPLITS, splits, strict=True)
        ]
    elif _fits(material, call.settings.memory_megabytes):
        splits = [kept_in_memory(shards) for shards in splits]
    training = material.training
    positives, negatives = (
        [counts[place] for place in material.kept] for counts in (training.positives, training.negatives)
    )
    return Task(
        training=splits[0],
        validation=splits[1],
        samples=training.samples(call.settings.patches_per_track),
        positive_weights=positive_weights(positives, negatives, call.settings.positive_weight_limit),
        are_patches=call.tune is not Tune.HEAD,
    )


def _fits(material: Material, memory_megabytes: int) -> bool:
    """True if all patches that are trained with find room in memory."""
    patches = int(material.training.patches.sum() + material.validation.patches.sum())
    front_end = material.dataset.front_end
    size = front_end.patch_frames * front_end.mel_bands * np.dtype(np.float32).itemsize
    return patches * size <= memory_megabytes * MEGABYTE


def _tracks_of(dataset: Dataset, split: Split, kept: Sequence[int]) -> Shards:
    return [partial(_tracks_in, shard, list(kept)) for shard in dataset.shards(split)]


def _tracks_in(shard: Shard, kept: list[int]) -> Iterator[TrainingTrack]:
    for track in read_shard(shard):
        yield TrainingTrack(track.labels[kept], track.patches)


def _arguments(call: TrainingCall, material: Material) -> dict[str, Any]:
    """All that decides which weights come out; a checkpoint of others is refused."""
    base = call.base
    return {
        "dataset": material.dataset.digest,
        "labels": [meaning.label for meaning in material.meanings],
        "architecture": call.architecture,
        "tune": str(call.tune),
        "from": f"{base.tagger.identity} {base.network.name} {base.tagger.bundle_hash}" if base else None,
        **call.settings.as_json(),
        **call.machine.as_json(),
    }


def _leave_if_stopped(listener: Listener) -> None:
    if number := listener.stopped_by():
        raise StoppedError(number)
