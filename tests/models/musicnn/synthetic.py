"""A test signal that is the same on every machine, with something for every branch of the networks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE_HZ = 16000
DURATION_S = 20
NOTES_HZ = (220.0, 277.18, 329.63, 440.0, 369.99, 293.66, 246.94, 164.81)
NOTE_S = 0.5
HARMONICS = 6


def synthetic_signal() -> NDArray[np.int16]:
    """Plucked notes, then with drum-like noise, then a rising chirp, then all of them.

    The parts are summed in float64 and rounded to 16 bits, so that the last bits in which libraries' sines
    differ do not matter; the noise is integer arithmetic.

    Returns:
        20 s at 16 kHz, mono.
    """
    seconds = np.arange(SAMPLE_RATE_HZ * DURATION_S) / SAMPLE_RATE_HZ
    plucked, drums, chirp = _plucked(seconds), _drums(seconds), _chirp(seconds)
    signal = np.select(
        [seconds < 5, seconds < 10, seconds < 14],
        [plucked, plucked + drums, chirp],
        default=0.5 * plucked + drums + 0.5 * chirp,
    )
    return np.round(signal * 16384).astype(np.int16)


def _plucked(seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    note = (seconds // NOTE_S).astype(np.int64) % len(NOTES_HZ)
    since = seconds % NOTE_S
    frequency = np.array(NOTES_HZ)[note]
    tones = (np.sin(2 * np.pi * n * frequency * since) / n for n in range(1, HARMONICS + 1))
    return 0.3 * np.exp(-4 * since) * np.sum(list(tones), axis=0)


def _drums(seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    return 0.4 * np.exp(-30 * (seconds % 0.25)) * _noise(len(seconds))


def _chirp(seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    return 0.4 * np.sin(2 * np.pi * (80 * seconds + 90 * seconds**2))


def _noise(length: int) -> NDArray[np.float64]:
    """White noise in -1 to 1 from a linear congruential generator (the constants of Numerical Recipes)."""
    state, values = 1, np.empty(length)
    for index in range(length):
        state = (1664525 * state + 1013904223) % 2**32
        values[index] = state / 2**31 - 1
    return values
