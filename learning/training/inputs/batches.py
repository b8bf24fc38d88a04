"""Batches for training, streamed from shards: the data set is never in memory as a whole.

A round visits the shards in a random order. Of each track some patches are taken at random and put into a
store of bounded size; a patch leaves the store at a random moment. Since tracks are spread over shards by a
hash of their ids, a batch is as good as a random sample of the whole set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tonearm.learning.training.settings import TrainingSettings, random_numbers

MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class TrainingTrack:
    """A track as the training sees it.

    Attributes:
        labels: int8 [labels]: 1 it holds, -1 it does not, 0 not known.
        inputs: What the network is shown: patches float32 [patches, frames, bands], or embeddings float32
            [patches, size] where only the last layer learns.
    """

    labels: npt.NDArray[np.int8]
    inputs: npt.NDArray[np.float32]


Shards = Sequence[Callable[[], Iterator[TrainingTrack]]]
"""A split: each shard is a function that reads its tracks, one at a time."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one step learns from.

    Attributes:
        inputs: float32 [batch, …].
        labels: int8 [batch, labels].
    """

    inputs: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int8]


def batches(shards: Shards, settings: TrainingSettings, epoch: int) -> Iterator[Batch]:
    """The batches of one round, the same ones whenever they are asked for.

    All are full: what is left at the end is dropped, as batch norm is unsteady on few patches. A set that
    does not fill one batch is one batch.

    Args:
        shards: The training tracks.
        settings: Size of a batch, patches of a track, memory, seed.
        epoch: Which round.
    """
    numbers = random_numbers(settings.seed, "order", epoch)
    samples = _samples(shards, settings.patches_per_track, numbers)
    waiting: list[TrainingTrack] = []
    full = 0
    for sample in mixed(samples, settings.memory_megabytes * MEGABYTE, numbers):
        waiting.append(sample)
        if len(waiting) == settings.batch:
            yield _joined(waiting)
            waiting, full = [], full + 1
    if waiting and not full:
        yield _joined(waiting)


def kept_in_memory(shards: Shards) -> Shards:
    """The same tracks, each shard of which is read when it is first asked for, and kept."""

    def kept(shard: Callable[[], Iterator[TrainingTrack]]) -> Callable[[], Iterator[TrainingTrack]]:
        tracks: list[TrainingTrack] = []

        def read() -> Iterator[TrainingTrack]:
            if not tracks:
                tracks[:] = list(shard())
            return iter(tracks)

        return read

    return [kept(shard) for shard in shards]


def batches_in_epoch(samples: int, batch: int) -> int:
    """How many batches :func:`batches` gives of so many samples.

    >>> batches_in_epoch(100, 32), batches_in_epoch(5, 32)
    (3, 1)
    """
    return max(samples // batch, min(samples, 1))


def mixed(
    samples: Iterator[TrainingTrack], most_bytes: int, numbers: np.random.Generator
) -> Iterator[TrainingTrack]:
    """The same samples in a random order, as far as memory for those that wait allows.

    Args:
        samples: All of one size.
        most_bytes: What those that wait may take; at least one waits.
        numbers: Draws the order.
    """
    held: list[TrainingTrack] = []
    for sample in samples:
        if (len(held) + 1) * sample.inputs.nbytes <= most_bytes or not held:
            held.append(sample)
            continue
        place = int(numbers.integers(len(held)))
        yield held[place]
        held[place] = sample
    for place in numbers.permutation(len(held)):
        yield held[place]


def _samples(shards: Shards, per_track: int, numbers: np.random.Generator) -> Iterator[TrainingTrack]:
    """Some patches of every track, each by itself; copies, so that the rest of the track is let go."""
    for place in numbers.permutation(len(shards)):
        for track in shards[place]():
            count = len(track.inputs)
            chosen = numbers.permutation(count)[:per_track]
            for patch in chosen:
                inputs = track.inputs[patch]
                yield TrainingTrack(track.labels, inputs if count == 1 else inputs.copy())


def _joined(samples: Sequence[TrainingTrack]) -> Batch:
    return Batch(
        np.stack([sample.inputs for sample in samples]), np.stack([sample.labels for sample in samples])
    )
