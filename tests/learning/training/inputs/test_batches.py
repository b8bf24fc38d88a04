"""Batches: every track in every round, in an order that the seed decides, with a bounded store."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest

from tonearm.learning.training.inputs.batches import (
    Shards,
    TrainingTrack,
    batches,
    batches_in_epoch,
    kept_in_memory,
    mixed,
)
from tonearm.learning.training.settings import TrainingSettings, random_numbers

TRACKS = 40
ROOM_FOR_FIVE = 5 * 250_000


def track(number: int, patches: int) -> TrainingTrack:
    """A track whose patches are a quarter of a megabyte each and hold its number and their own."""
    inputs = np.zeros((patches, 250, 250), np.float32)
    inputs[:, 0, 0], inputs[:, 0, 1] = number, np.arange(patches)
    return TrainingTrack(np.array([1], np.int8), inputs)


def shards(patches: int = 3) -> Shards:
    def read(begin: int) -> Iterator[TrainingTrack]:
        return (track(number, patches) for number in range(begin, begin + 8))

    return [partial(read, begin) for begin in range(0, TRACKS, 8)]


def shown(settings: TrainingSettings, epoch: int = 0, source: Shards | None = None) -> list[tuple[int, int]]:
    """Track and patch of all samples, in their order."""
    samples = (batch.inputs[:, 0, :2] for batch in batches(source or shards(), settings, epoch))
    return [(int(number), int(patch)) for part in samples for number, patch in part]


def test_a_round_shows_different_patches_of_every_track() -> None:
    samples = shown(TrainingSettings(batch=8, patches_per_track=2))
    assert len(samples) == len(set(samples)) == 2 * TRACKS
    assert all(sum(number == each for each, _ in samples) == 2 for number in range(TRACKS))


def test_the_seed_and_the_round_decide_the_order() -> None:
    settings = TrainingSettings(batch=8, patches_per_track=1)
    first = shown(settings)
    assert shown(settings) == first
    assert shown(settings, epoch=1) != first
    assert shown(TrainingSettings(batch=8, patches_per_track=1, seed=1)) != first


def test_what_is_kept_in_memory_comes_in_the_same_order_and_is_read_once() -> None:
    settings = TrainingSettings(batch=8, patches_per_track=2)
    reads: list[int] = []

    def counted(place: int) -> Iterator[TrainingTrack]:
        reads.append(place)
        return shards()[place]()

    kept = kept_in_memory([partial(counted, place) for place in range(len(shards()))])
    assert shown(settings, 0, kept) == shown(settings, 0)
    assert shown(settings, 1, kept) == shown(settings, 1)
    assert sorted(reads) == list(range(len(shards())))


def test_a_small_store_still_mixes_shards() -> None:
    samples = shown(TrainingSettings(batch=8, patches_per_track=1, memory_megabytes=4))
    assert sorted(number for number, _ in samples) == list(range(TRACKS))
    shards_of_batches = [{number // 8 for number, _ in samples[begin : begin + 8]} for begin in (8, 16, 24)]
    assert all(len(each) > 1 for each in shards_of_batches)


def test_the_store_is_bounded() -> None:
    taken = 0

    def samples() -> Iterator[TrainingTrack]:
        nonlocal taken
        for number in range(TRACKS):
            taken += 1
            yield TrainingTrack(np.array([1], np.int8), track(number, 1).inputs[0])

    for given, _ in enumerate(mixed(samples(), ROOM_FOR_FIVE, random_numbers(0, "order")), start=1):
        assert taken - given <= 5


@pytest.mark.parametrize(("batch", "expected"), [(7, 5), (40, 1), (64, 1)])
def test_batches_are_full_unless_there_is_one_only(batch: int, expected: int) -> None:
    settings = TrainingSettings(batch=batch, patches_per_track=1)
    sizes = [len(each.inputs) for each in batches(shards(1), settings, 0)]
    assert sizes == [min(batch, TRACKS)] * expected
    assert batches_in_epoch(TRACKS, batch) == expected
