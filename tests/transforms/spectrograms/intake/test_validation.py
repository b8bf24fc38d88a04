"""A spectrogram that was made otherwise is refused with its word; none of music, noise or silence is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchaudio

from tests.spectrogram_files import record_of_audio, record_with
from tests.tracks import FACTS
from tonearm.models.front_end import FrontEnd
from tonearm.transforms.audio.endings import has_audio_ending
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import TrackError
from tonearm.transforms.features.prepared import Patches
from tonearm.transforms.features.spectrogram import spectrogram_of
from tonearm.transforms.spectrograms.intake.validation import require_valid
from tonearm.transforms.spectrograms.record import SpectrogramRecord

FRONT_END = FrontEnd()
RATE_HZ = FRONT_END.sample_rate_hz
SECONDS = 9.0
TIMES_S = np.arange(round(SECONDS * RATE_HZ)) / RATE_HZ


def tone(hz: float, level: float = 0.9) -> np.ndarray:
    return level * np.sin(2 * np.pi * hz * TIMES_S)


def noise(level: float = 0.1) -> np.ndarray:
    return level * np.random.default_rng(5).standard_normal(len(TIMES_S))


def pink() -> np.ndarray:
    spectrum = np.fft.rfft(noise())
    signal = np.fft.irfft(spectrum / np.sqrt(np.arange(len(spectrum)) + 1.0), len(TIMES_S))
    return signal / np.abs(signal).max()


def clicks(every: int) -> np.ndarray:
    signal = np.zeros(len(TIMES_S))
    signal[::every] = 1.0
    return signal


def falling(seconds: float) -> np.ndarray:
    """A tone that falls again and again from 7.8 kHz to 100 Hz."""
    hz = 7800 * (100 / 7800) ** (TIMES_S % seconds / seconds)
    return np.sin(2 * np.pi * np.cumsum(hz) / RATE_HZ)


@cache
def music() -> np.ndarray:
    """Decaying chords with overtones, a beat of noise, and a voice that glides."""
    rng = np.random.default_rng(7)
    signal = 0.02 * rng.standard_normal(len(TIMES_S)) * np.exp(-8 * (TIMES_S % 0.5))
    for start in np.arange(0, SECONDS, 0.5):
        age = np.maximum(TIMES_S - start, 0)
        for root in rng.choice([110.0, 130.8, 164.8, 196.0, 220.0, 261.6], 3, replace=False):
            for overtone in range(1, 5):
                signal += (
                    (start <= TIMES_S)
                    * 0.1
                    / overtone
                    * np.exp(-3 * age)
                    * np.sin(2 * np.pi * root * overtone * age)
                )
    signal += 0.1 * np.sin(2 * np.pi * np.cumsum(300 + 80 * np.sin(3 * TIMES_S)) / RATE_HZ)
    return signal / np.abs(signal).max()


SOUNDS: dict[str, Callable[[], np.ndarray]] = {
    "silence": lambda: np.zeros(len(TIMES_S)),
    "music": music,
    "quiet music": lambda: 1e-3 * music(),
    "clipped music": lambda: np.clip(5 * music(), -1, 1),
    "music 40 dB over full scale": lambda: 99 * music(),
    "white noise": noise,
    "loud white noise": lambda: np.random.default_rng(1).uniform(-1, 1, len(TIMES_S)),
    "dither": lambda: noise(3e-5),
    "pink noise": pink,
    "a fading noise": lambda: noise(0.5) * np.exp(-TIMES_S),
    "direct current": lambda: np.ones(len(TIMES_S)),
    "a square wave": lambda: np.sign(tone(110.0)),
    "a gated tone": lambda: tone(440.0) * (TIMES_S % 1 < 0.5),
    "a tone at 31 Hz, modulated": lambda: tone(1000.0) * tone(31.25, 1.0),
    **{f"a tone of {hz} Hz": lambda hz=hz: tone(hz) for hz in (30.0, 437.5, 1000.0, 3000.0, 7900.0)},  # type: ignore[misc]
    **{f"a click every {n}": lambda n=n: clicks(n) for n in (256, 384, 512, 520, 1000, 16000)},  # type: ignore[misc]
    **{f"a tone falling in {s} s": lambda s=s: falling(s) for s in (0.1, 0.4, 0.6, 0.8, 2.0)},  # type: ignore[misc]
}


@cache
def patches_of(sound: str) -> Patches:
    return spectrogram_of([SOUNDS[sound]().astype(np.float32)], FRONT_END).patches


def record_of_patches(values: np.ndarray[Any, Any], **changed: Any) -> SpectrogramRecord:
    """A record that is right but for its patches, which are stored as float16."""
    facts = replace(FACTS, duration_s=SECONDS, decoded_s=SECONDS)
    given = {"facts": facts, "analyzed_s": SECONDS - 0.1, "patches": values.astype(np.float16)}
    return replace(record_with(FRONT_END, count=len(values)), **given | changed)


def word_of(record: SpectrogramRecord) -> ErrorWord | None:
    try:
        require_valid(record, FRONT_END)
    except TrackError as error:
        return error.error
    return None


def power(patches: Patches) -> Patches:
    return ((10.0**patches - 1) / FRONT_END.log_gain).astype(np.float32)


def transposed(patches: Patches) -> Patches:
    return np.ascontiguousarray(patches.transpose(0, 2, 1)).reshape(patches.shape)


def on_htk_scale(signal: np.ndarray, norm: str | None) -> Patches:
    """The same front end, but for its mel scale."""
    transform = torchaudio.transforms.MelSpectrogram(
        RATE_HZ,
        n_fft=FRONT_END.fft_length,
        hop_length=FRONT_END.hop_length,
        n_mels=FRONT_END.mel_bands,
        f_max=FRONT_END.max_frequency_hz,
        pad_mode="constant",
        norm=norm,
        mel_scale="htk",
    )
    mel = torch.log10(FRONT_END.log_gain * transform(torch.from_numpy(signal.astype(np.float32))) + 1)
    frames = mel.numpy().T
    whole = len(frames) // FRONT_END.patch_frames * FRONT_END.patch_frames
    return frames[:whole].reshape(-1, FRONT_END.patch_frames, FRONT_END.mel_bands)


@pytest.mark.parametrize("sound", SOUNDS)
def test_no_sound_is_refused(sound: str) -> None:
    patches = patches_of(sound)
    for some in (patches, patches[:1], patches[-1:]):
        assert word_of(record_of_patches(some)) is None


SAMPLES = sorted(
    path for path in (Path(__file__).parents[4] / "samples").iterdir() if has_audio_ending(path.name)
)


@pytest.mark.parametrize("sample", SAMPLES, ids=[path.stem for path in SAMPLES])
def test_no_music_is_refused(sample: Path) -> None:
    whole = record_of_audio(sample)
    assert word_of(whole) is None
    for place in range(len(whole.patches)):
        assert word_of(record_of_patches(whole.patches[place : place + 1])) is None


RICH = ["music", "white noise", "loud white noise", "pink noise", "clipped music"]


@pytest.mark.parametrize("sound", ["music", "clipped music", "pink noise", "loud white noise"])
def test_power_in_place_of_its_logarithm_is_refused(sound: str) -> None:
    linear = power(patches_of(sound))
    assert word_of(record_of_patches(linear)) in {ErrorWord.NOT_LOG_POWER, ErrorWord.OUT_OF_RANGE}


@pytest.mark.parametrize("sound", RICH)
def test_decibels_are_refused(sound: str) -> None:
    decibels = 10 * np.log10(np.maximum(power(patches_of(sound)), 1e-10))
    assert word_of(record_of_patches(decibels)) is ErrorWord.OUT_OF_RANGE


@pytest.mark.parametrize("sound", ["music", "clipped music", "pink noise"])
def test_natural_logarithms_are_refused(sound: str) -> None:
    assert word_of(record_of_patches(2.302585 * patches_of(sound))) is ErrorWord.OUT_OF_RANGE


@pytest.mark.parametrize("sound", RICH)
@pytest.mark.parametrize("norm", ["slaney", None])
def test_the_mel_scale_of_htk_is_refused(sound: str, norm: str | None) -> None:
    assert word_of(record_of_patches(on_htk_scale(SOUNDS[sound](), norm))) is ErrorWord.WRONG_MEL_SCALE


@pytest.mark.parametrize("sound", RICH)
def test_patches_written_band_by_band_are_refused(sound: str) -> None:
    patches = transposed(patches_of(sound))
    for some in (patches, patches[:1]):
        assert word_of(record_of_patches(some)) is ErrorWord.TRANSPOSED


PATCHES = np.random.default_rng(3).uniform(2, 4, (3, 187, 96))


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"fingerprint": "0" * 12}, ErrorWord.FRONTEND_MISMATCH),
        ({"front_end": FrontEnd(hop_length=160)}, ErrorWord.FRONTEND_MISMATCH),
        ({"patches": PATCHES.astype(np.float32)}, ErrorWord.WRONG_DTYPE),
        ({"patches": PATCHES.astype(np.int16)}, ErrorWord.WRONG_DTYPE),
        ({"patches": PATCHES.transpose(0, 2, 1).astype(np.float16)}, ErrorWord.WRONG_SHAPE),
        ({"patches": PATCHES[0].astype(np.float16)}, ErrorWord.WRONG_SHAPE),
        ({"patches": PATCHES[:0].astype(np.float16)}, ErrorWord.WRONG_SHAPE),
        ({"patches": np.full((3, 187, 96), np.nan, np.float16)}, ErrorWord.NON_FINITE),
        ({"patches": np.full((3, 187, 96), np.inf, np.float16)}, ErrorWord.NON_FINITE),
        ({"patches": np.full((3, 187, 96), -0.01, np.float16)}, ErrorWord.OUT_OF_RANGE),
        ({"patches": np.full((3, 187, 96), 12.0, np.float16)}, ErrorWord.OUT_OF_RANGE),
        ({"starts_s": np.arange(2.0)}, ErrorWord.INCONSISTENT_SPECTROGRAM),
        ({"starts_s": np.array([0.0, 3.0, 2.0])}, ErrorWord.INCONSISTENT_SPECTROGRAM),
        ({"starts_s": np.array([0.0, 3.0, np.nan])}, ErrorWord.INCONSISTENT_SPECTROGRAM),
        ({"starts_s": np.array([0.0, 3.0, 1e300])}, ErrorWord.INCONSISTENT_SPECTROGRAM),
        ({"starts_s": np.array([-1.0, 3.0, 6.0])}, ErrorWord.INCONSISTENT_SPECTROGRAM),
        ({"analyzed_s": 100.0}, ErrorWord.INCONSISTENT_SPECTROGRAM),
        ({"analyzed_s": 0.0}, ErrorWord.INCONSISTENT_SPECTROGRAM),
        ({"facts": replace(FACTS, decoded_s=-1.0)}, ErrorWord.INCONSISTENT_SPECTROGRAM),
        ({"silent": True}, ErrorWord.INCONSISTENT_SPECTROGRAM),
    ],
)
def test_each_fault_has_its_word(changed: dict[str, Any], expected: ErrorWord) -> None:
    assert word_of(record_of_patches(PATCHES, starts_s=np.array([0.0, 2.992, 5.984]))) is None
    assert word_of(record_of_patches(PATCHES, **changed)) is expected


def test_the_message_says_which_setting_differs() -> None:
    with pytest.raises(TrackError, match="hop_length 160 instead of 256"):
        require_valid(record_of_patches(PATCHES, front_end=FrontEnd(hop_length=160)), FRONT_END)
