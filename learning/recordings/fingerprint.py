"""A fingerprint of a recording: the same after it was encoded, resampled or made louder or softer.

After Haitsma and Kalker, "A Highly Robust Audio Fingerprinting System" (ISMIR 2002): sound is divided into 33
bands, and a frame is 32 bits, each of which tells whether the difference of two neighbouring bands grew. Gain
and filters shift both terms of such a difference, and do not change its sign. What differs here: the bands
are pairs of mel bands, energies are compared as logarithms, and differences are taken over a third of a
second. And of each bit it is kept whether its difference is one of the frame's larger ones, that is, strong.
Encoding turns weak bits and hardly a strong one; another performance, and the same one with an instrument
less, turn both::

    samples ──► log-mel ──► 33 bands, smoothed ──► differences by band, then by time ──► signs, strong or weak
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tonearm.models.front_end import FrontEnd
from tonearm.transforms.audio.decoders.downmix import Samples
from tonearm.transforms.features.log_mel import log_mel

Bits = npt.NDArray[np.bool_]

_FRONT_END = FrontEnd(log_gain=1e9)
"""16 ms between frames, and a gain at which the logarithm's ``+ 1`` does not count."""

RATE_HZ = _FRONT_END.sample_rate_hz
"""What samples are expected at."""

_SECONDS = 45
"""How much of a recording is taken, from its first sound on."""

_AUDIBLE = 10 ** (-60 / 20)
"""The first sample above -60 dB of full scale is where a recording begins: a pause before it says nothing."""

BITS = 32

_FIRST_BAND, _BANDS_TOGETHER = 5, 2
"""Bands from 150 to 4,000 Hz: what an encoder leaves at low rates, and a telephone's rate can hold."""

_SMOOTHED_FRAMES = 23
"""A band's energy is a mean over 0.37 s, as there."""

_FRAMES_BETWEEN = 23
"""A difference by time is one of two means without a common frame. There it is of neighbours, which changes
with every few milliseconds of offset."""

_QUIET = 1e-6
"""Added to energies, as a share of their mean: 60 dB below it nothing counts."""

_SMALLEST_STRONG = 0.05
"""A strong bit's difference, at least, in natural logarithms: those of a steady tone are the rounding's."""

_SILENT = 10 ** (-45 / 10)
"""A frame that is 45 dB below the loudest has no bits."""

_FEWEST_FRAMES = 100
"""Frames of 1.6 s; of less sound there is no fingerprint."""

_MOST_ANCHORS = 600
"""The codes with the smallest hashes: chosen by their bits alone, so that both encodings choose the same."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What is kept of a recording, some 10 kB; no sound can be made of it.

    Attributes:
        frames: Its length, in frames of 16 ms.
        anchors: uint32 [anchors], codes to look for.
        anchor_frames: uint16 [anchors], where they stand.
        packed: Signs and strength of all frames' bits.
    """

    frames: int
    anchors: npt.NDArray[np.uint32]
    anchor_frames: npt.NDArray[np.uint16]
    packed: bytes

    def bits(self) -> tuple[Bits, Bits]:
        """Signs and strength of the bits, each bool ``[frames, 32]``."""
        planes = np.frombuffer(zlib.decompress(self.packed), np.uint8).reshape(2, BITS, -1)
        grown, strong = np.unpackbits(planes, axis=2, count=self.frames).astype(bool).transpose(0, 2, 1)
        return grown, strong


class FingerprintBuilder:
    """Takes a recording piece by piece; keeps samples of its first :data:`_SECONDS` of sound, 3 MB."""

    def __init__(self) -> None:
        self._pieces: list[Samples] = []
        self._wanted = _SECONDS * RATE_HZ

    def add(self, samples: Samples) -> None:
        """Take the next samples, float32 ``[samples]`` at :data:`RATE_HZ`."""
        if not self._wanted:
            return
        if not self._pieces:
            samples = _from_first_sound(samples)
        if len(samples):
            self._pieces.append(samples[: self._wanted].copy())
            self._wanted -= len(self._pieces[-1])

    def finish(self) -> Fingerprint | None:
        """The fingerprint; None if there was too little sound."""
        samples = np.concatenate(self._pieces) if self._pieces else np.empty(0, np.float32)
        self._pieces.clear()
        shortest = _FEWEST_FRAMES + _SMOOTHED_FRAMES + _FRAMES_BETWEEN
        if len(samples) < shortest * _FRONT_END.hop_length + _FRONT_END.fft_length:
            return None
        return _fingerprint(np.maximum(10.0 ** log_mel(samples, _FRONT_END).astype(np.float64) - 1.0, 0.0))


def _from_first_sound(samples: Samples) -> Samples:
    (audible,) = np.nonzero(np.abs(samples) > _AUDIBLE)
    return samples[audible[0] :] if len(audible) else samples[:0]


def _fingerprint(mel: npt.NDArray[np.float64]) -> Fingerprint | None:
    """The fingerprint of mel power ``[frames, bands]``."""
    last_band = _FIRST_BAND + (BITS + 1) * _BANDS_TOGETHER
    power = _smoothed(mel[:, _FIRST_BAND:last_band].reshape(len(mel), BITS + 1, _BANDS_TOGETHER).sum(axis=2))
    if not power.any():
        return None
    by_band = -np.diff(np.log(power + _QUIET * power.mean()), axis=1)
    change = by_band[_FRAMES_BETWEEN:] - by_band[:-_FRAMES_BETWEEN]
    loudness = power.sum(axis=1)
    heard = np.minimum(loudness[_FRAMES_BETWEEN:], loudness[:-_FRAMES_BETWEEN]) > _SILENT * loudness.max()
    size = np.abs(change)
    strong = (size >= np.maximum(np.median(size, axis=1, keepdims=True), _SMALLEST_STRONG)) & heard[:, None]
    grown = change > 0
    codes = np.packbits(grown, axis=1).view(">u4")[:, 0].astype(np.uint32)
    anchor_frames = _anchors(codes, heard)
    planes = np.packbits(np.stack([grown, strong]).transpose(0, 2, 1), axis=2)
    return Fingerprint(
        frames=len(codes),
        anchors=codes[anchor_frames],
        anchor_frames=anchor_frames.astype(np.uint16),
        packed=zlib.compress(planes.tobytes(), level=1),
    )


def _smoothed(power: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Means over neighbouring frames."""
    sums = np.cumsum(np.pad(power, ((1, 0), (0, 0))), axis=0)
    return np.maximum(sums[_SMOOTHED_FRAMES:] - sums[:-_SMOOTHED_FRAMES], 0.0) / _SMOOTHED_FRAMES


def _anchors(codes: npt.NDArray[np.uint32], heard: Bits) -> npt.NDArray[np.intp]:
    """Frames of the codes to look for: each code where it begins, and of them those of the smallest hashes.

    A multiplicative hash (Knuth): its upper bits depend on all bits of a code.
    """
    (begun,) = np.nonzero(heard & (np.diff(codes, prepend=~codes[:1]) != 0))
    smallest = np.argsort(codes[begun] * np.uint32(2654435761), kind="stable")[:_MOST_ANCHORS]
    return np.sort(begun[smallest])
