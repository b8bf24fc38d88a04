"""From samples to patches: in blocks of any size, thinned evenly, repeated if short."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tonearm.models.front_end import FrontEnd
from tonearm.transforms.audio.decoders.downmix import mix
from tonearm.transforms.audio.resampling import resampled
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import TrackError
from tonearm.transforms.features.log_mel import log_mel
from tonearm.transforms.features.prepared import Spectrogram
from tonearm.transforms.features.spectrogram import SILENCE_PEAK, spectrogram_of

FRONT_END = FrontEnd()
RATE_HZ = FRONT_END.sample_rate_hz
PATCH_HOP = FRONT_END.patch_hop_frames * FRONT_END.hop_length
FIRST_PATCH_END = (FRONT_END.patch_frames - 1) * FRONT_END.hop_length
"""Samples after which the last frame of the first patch is centred."""


@cache
def noise(samples: int) -> np.ndarray:
    """Noise that grows louder, so that no two patches are alike."""
    signal = np.random.default_rng(7).standard_normal(samples) * np.linspace(0.01, 0.2, samples)
    return signal.astype(np.float32)


def in_blocks(signal: np.ndarray, sizes: Sequence[int]) -> Iterator[np.ndarray]:
    """Cut a signal into blocks of the given sizes, over and over."""
    start = number = 0
    while start < len(signal):
        end = start + sizes[number % len(sizes)]
        yield signal[start:end]
        start, number = end, number + 1


def patches_of(signal: np.ndarray, *, rate_hz: int = RATE_HZ, max_patches: int = 64) -> Spectrogram:
    return spectrogram_of(at_our_rate([signal], rate_hz), FRONT_END, max_patches=max_patches)


def at_our_rate(signal: Iterable[np.ndarray], rate_hz: int) -> Iterator[np.ndarray]:
    """Resample a signal, as decoding does."""
    return resampled((mix([samples], rate_hz) for samples in signal), RATE_HZ)


@settings(max_examples=25, deadline=None)
@given(sizes=st.lists(st.integers(0, 40_000), min_size=1, max_size=6).filter(any))
def test_blocks_of_any_size_give_the_patches_of_one_block(sizes: list[int]) -> None:
    sizes = [size if size != 1 else 997 for size in sizes]  # sample by sample takes minutes
    signal = noise(5 * PATCH_HOP + 1234)
    whole = patches_of(signal)
    streamed = spectrogram_of(in_blocks(signal, sizes), FRONT_END, max_patches=64)
    np.testing.assert_allclose(streamed.patches, whole.patches, atol=1e-5)
    np.testing.assert_array_equal(streamed.starts_s, whole.starts_s)


@pytest.mark.parametrize("rate_hz", [8000, 22050, 44100, 48000, 192000])
def test_resampling_in_blocks_gives_the_patches_of_one_block(rate_hz: int) -> None:
    signal = noise(8 * rate_hz)
    whole = patches_of(signal, rate_hz=rate_hz)
    blocks = in_blocks(signal, [1, 4096, 777])
    streamed = spectrogram_of(at_our_rate(blocks, rate_hz), FRONT_END, max_patches=64)
    assert len(whole.patches) == 2
    np.testing.assert_allclose(streamed.patches, whole.patches, atol=1e-3)


def test_frames_are_centred_and_the_outside_counts_as_zeros() -> None:
    signal = noise(3 * PATCH_HOP)
    half_window = np.zeros(FRONT_END.fft_length // 2, np.float32)
    frames = log_mel(np.concatenate([half_window, signal, half_window]), FRONT_END)
    patches = patches_of(signal).patches
    np.testing.assert_allclose(
        patches.reshape(-1, FRONT_END.mel_bands), frames[: 187 * len(patches)], atol=1e-5
    )


def test_the_mel_spectrogram_follows_its_definition() -> None:
    """Power of a periodic Hann window's spectrum, area-normalised Slaney bands, log10(10000 x + 1)."""
    signal = noise(FRONT_END.fft_length)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(512) / 512)
    power = np.abs(np.fft.rfft(signal * window)) ** 2
    expected = np.log10(10000 * slaney_bands() @ power + 1)
    np.testing.assert_allclose(log_mel(signal, FRONT_END)[0], expected, atol=1e-4)


def slaney_bands() -> np.ndarray:
    """96 triangles between 0 and 8000 Hz, evenly spaced on Slaney's scale: ``[bands, bins]``."""

    def to_mel(hz: float) -> float:
        return hz / (200 / 3) if hz < 1000 else 15 + np.log(hz / 1000) / (np.log(6.4) / 27)

    def to_hz(mel: np.ndarray) -> np.ndarray:
        return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))

    corners = to_hz(np.linspace(to_mel(0), to_mel(8000), 98))
    low, middle, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    bins = np.linspace(0, 8000, 257)
    triangles = np.minimum((bins - low) / (middle - low), (high - bins) / (high - middle))
    return np.maximum(triangles, 0) * 2 / (high - low)


def test_the_tail_that_fills_no_patch_is_dropped() -> None:
    shorter = noise(2 * PATCH_HOP + 10_000)
    longer = np.concatenate([shorter, noise(PATCH_HOP // 2)])
    assert len(patches_of(shorter).patches) == len(patches_of(longer).patches) == 2
    np.testing.assert_allclose(patches_of(longer).patches, patches_of(shorter).patches, atol=1e-5)


@pytest.mark.parametrize(("samples", "patches"), [(-1, 1), (0, 1), (PATCH_HOP - 1, 1), (PATCH_HOP, 2)])
def test_a_patch_is_whole_when_its_last_frame_is_centred_inside_the_track(samples: int, patches: int) -> None:
    spectrogram = patches_of(noise(FIRST_PATCH_END + samples))
    assert len(spectrogram.patches) == patches


def test_a_short_track_is_repeated_until_it_fills_one_patch() -> None:
    signal = noise(RATE_HZ)
    spectrogram = patches_of(signal)
    (patch,) = spectrogram.patches
    frames = 1 + len(signal) // FRONT_END.hop_length
    np.testing.assert_array_equal(patch[frames : 2 * frames], patch[:frames])
    assert spectrogram.analyzed_s == pytest.approx(1.0)


@pytest.mark.parametrize("samples", [0, 16, RATE_HZ // 4 - 1])
def test_less_than_a_quarter_of_a_second_is_too_short(samples: int) -> None:
    with pytest.raises(TrackError) as caught:
        patches_of(noise(samples))
    assert caught.value.error is ErrorWord.TOO_SHORT


def test_a_quarter_of_a_second_is_enough() -> None:
    assert len(patches_of(noise(RATE_HZ // 4)).patches) == 1


def test_silence_is_marked_and_a_whisper_is_not() -> None:
    signal = np.zeros(4 * RATE_HZ, np.float32)
    assert patches_of(signal).silent
    signal[RATE_HZ] = -1.1 * SILENCE_PEAK
    assert not patches_of(signal).silent


def test_analyzed_seconds_are_what_the_patches_cover() -> None:
    signal = noise(8 * PATCH_HOP + 5000)
    patch_s = FRONT_END.patch_seconds
    assert patches_of(signal).analyzed_s == pytest.approx(8 * patch_s)
    assert patches_of(signal, max_patches=4).analyzed_s == pytest.approx(4 * patch_s)


@pytest.mark.parametrize("max_patches", [0, 1, 3])
def test_a_limit_that_cannot_be_halved_is_refused(max_patches: int) -> None:
    with pytest.raises(ValueError, match="even"):
        patches_of(noise(RATE_HZ), max_patches=max_patches)
