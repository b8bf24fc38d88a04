"""As many patches as are wanted, evenly spread, of tracks of any length, in bounded memory."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tonearm.models.front_end import FrontEnd
from tonearm.transforms.features.prepared import Spectrogram
from tonearm.transforms.features.spectrogram import spectrogram_of
from tonearm.transforms.features.spread_patches import SpreadPatches

TINY = FrontEnd(mel_bands=1, patch_frames=2, patch_hop_frames=2)
HOP = TINY.patch_hop_frames * TINY.hop_length
HOUR = 1203  # patches of musicnn's


def picked(length: int, max_patches: int, batch: int = 16) -> Spectrogram:
    """What is picked of a track whose patches hold their own number."""
    spread = SpreadPatches(TINY, max_patches)
    while spread.seen < length:
        count = min(batch, length - spread.seen)
        wanted = spread.wanted_among(count)
        first = spread.seen
        for index in wanted:
            spread.skip(first + index - spread.seen)
            spread.add(np.full((1, TINY.patch_frames, TINY.mel_bands), first + index, np.float32))
        spread.skip(first + count - spread.seen)
    return spread.spectrogram(length * TINY.patch_seconds, silent=False)


def places(spectrogram: Spectrogram) -> np.ndarray:
    return spectrogram.patches[:, 0, 0].astype(int)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(length=st.integers(1, 5000), half=st.integers(1, 128), batch=st.integers(1, 40))
def test_as_many_as_wanted_each_near_the_middle_of_its_part(length: int, half: int, batch: int) -> None:
    wanted = min(2 * half, length)
    found = places(picked(length, 2 * half, batch))
    assert len(found) == len(set(found)) == wanted
    middles = (np.arange(wanted) + 0.5) * length / wanted - 0.5
    part = length / wanted
    assert np.abs(found - middles).max() <= max(0.5, part / 4)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(length=st.integers(1, 6 * HOUR), half=st.sampled_from([128, 200, 256, 500, 512, 700]))
def test_many_are_spread_over_the_whole_track(length: int, half: int) -> None:
    found = places(picked(length, 2 * half))
    assert min(length, half) <= len(found) <= 2 * half
    steps = np.diff([-1, *found, length])
    assert steps.max() <= 2 * max(1.0, length / len(found))


def test_a_track_with_no_more_patches_is_seen_whole() -> None:
    assert places(picked(8, 8)).tolist() == list(range(8))
    assert places(picked(5, 8)).tolist() == list(range(5))


def test_starts_say_where_patches_are_and_the_seconds_what_they_cover() -> None:
    spectrogram = picked(100, 8)
    np.testing.assert_allclose(spectrogram.starts_s, places(spectrogram) * TINY.patch_seconds)
    assert spectrogram.analyzed_s == pytest.approx(8 * TINY.patch_seconds)
    assert picked(6, 8).analyzed_s == pytest.approx(6 * TINY.patch_seconds)


def test_memory_does_not_grow_with_the_track() -> None:
    spread = SpreadPatches(TINY, 8)
    size = spread._store.nbytes
    for _ in range(5000):
        for _ in spread.wanted_among(1):
            spread.add(np.zeros((1, TINY.patch_frames, TINY.mel_bands), np.float32))
            break
        else:
            spread.skip(1)
    assert spread._store.nbytes == size == 4 * 8 * TINY.patch_frames * TINY.mel_bands * 4


@pytest.mark.parametrize("blocks", [100_000_000, 50_001])
@pytest.mark.parametrize("max_patches", [2, 8, 38])
def test_what_is_picked_is_what_the_whole_track_has_there(max_patches: int, blocks: int) -> None:
    front_end = FrontEnd()
    hop = front_end.patch_hop_frames * front_end.hop_length
    noise = np.random.default_rng(7).standard_normal(37 * hop + 5000).astype(np.float32)
    signal = [noise[start : start + blocks] for start in range(0, len(noise), blocks)]
    whole = spectrogram_of([noise], front_end, max_patches=64)
    some = spectrogram_of(signal, front_end, max_patches=max_patches)
    where = np.rint(some.starts_s / front_end.patch_seconds).astype(int)
    assert len(where) == min(max_patches, 37)
    np.testing.assert_allclose(some.patches, whole.patches[where], atol=1e-5)
