"""Real music, and the same encoded again: with other codecs, bit rates, sample rates, softer, cut."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile as sf
import soxr

from tests.audio_files import RECIPES, write_audio, write_with_ffmpeg

SAMPLES = Path(__file__).parents[3] / "samples"
MUSIC = ("bach_prelude.flac", "bach_invention.wav", "garage_door.mp3", "night_bus.ogg")
"""Four of the samples, which libsndfile reads."""

Encode = Callable[[Path, np.ndarray], Path]

RATE_HZ = 44100


def music(name: str, *, seconds: float = 12.0, from_s: float = 0.0, at_hz: int = RATE_HZ) -> np.ndarray:
    """A stretch of a sample: float32 ``[samples, channels]``."""
    signal, rate_hz = sf.read(SAMPLES / name, dtype="float32", always_2d=True)
    begin = round(from_s * rate_hz)
    return soxr.resample(signal[begin : begin + round(seconds * rate_hz)], rate_hz, at_hz)


def _by_ffmpeg(
    kind: str, kbits_per_second: int, *, rate_hz: int = RATE_HZ, gain: float = 1.0, cut_s: float = 0.0
) -> Encode:
    def encode(path: Path, signal: np.ndarray) -> Path:
        recipe = replace(RECIPES[kind], bits_per_second=1000 * kbits_per_second)
        kept = soxr.resample(signal[round(cut_s * RATE_HZ) :] * gain, RATE_HZ, rate_hz)
        write_with_ffmpeg(path, recipe, kept.astype(np.float32), rate_hz=rate_hz, cover=False)
        return path

    return encode


def _telephone(path: Path, signal: np.ndarray) -> Path:
    mono = signal.mean(axis=1, keepdims=True)
    return write_audio(path, "wav_16", soxr.resample(mono, RATE_HZ, 8000), rate_hz=8000)


def _after_a_pause(path: Path, signal: np.ndarray) -> Path:
    pause = np.zeros((round(1.7 * RATE_HZ), signal.shape[1]), np.float32)
    return write_audio(path, "vorbis", np.concatenate([pause, signal]))


ENCODINGS: dict[str, Encode] = {
    "mp3_32": _by_ffmpeg("mp3", 32, rate_hz=22050),
    "mp3_softer_cut": _by_ffmpeg("mp3", 96, gain=0.25, cut_s=1.337),
    "aac_48": _by_ffmpeg("aac_m4a", 48),
    "opus_24": _by_ffmpeg("opus", 24, rate_hz=48000),
    "vorbis_after_a_pause": _after_a_pause,
    "telephone": _telephone,
}
