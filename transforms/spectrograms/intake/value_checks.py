"""What a spectrogram's values tell of how it was made: each check looks for one way of making it otherwise.

A network gives plausible nonsense for a spectrogram on another scale, so what can be told from the values is
told before they are scored. The checks rest on what a windowed Fourier transform and Slaney's mel filters can
give at all, so that no recording fails them, neither silence, noise nor pure tones. What they cannot see is
said in docs/spectrograms.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
import torchaudio

from tonearm.models.front_end import FrontEnd
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.features.prepared import Patches

Finding = tuple[ErrorWord, str]
"""The stable word for a fault, and the sentence that says what was expected."""

_OVER_FULL_SCALE = 100.0
"""Samples of this peak, 40 dB above full scale, are still believed: decoders of lossy codecs and files of
float samples go over 1, by 6 dB as a rule."""

_LOUD = 3.0
_LEAST_PEAKS = 4
_SHARE_OF_PEAKS = 0.005

_HEARD = 1.0
_LEAST_FRAMES = 20
_LEAST_DEPENDENT = 3
_SHARE_OF_FRAMES = 0.9
_OUTSIDE = 0.025

_DIP = 0.97
_NO_DIP = 0.985
_NO_DIP_NEARBY = 0.4
_NEARBY = 3
_AROUND_NEARBY = 10


def what_is_wrong(patches: Patches, front_end: FrontEnd) -> Finding | None:
    """The first fault that the values of some patches of a track show; None if they may be right.

    Args:
        patches: float32 [patches, patch_frames, mel_bands], finite; a dozen is enough.
        front_end: What they have to be made by.
    """
    for check in _CHECKS:
        if finding := check(patches, front_end):
            return finding
    return None


@lru_cache(maxsize=8)
def highest_value(front_end: FrontEnd, peak: float = _OVER_FULL_SCALE) -> float:
    """The highest value that a spectrogram can reach of whose samples none is above a peak.

    By Parseval's theorem the power of a frame, summed over all frequencies, is at most ``fft_length`` times
    the energy of its windowed samples; a band takes in no more of it than its highest filter weight.
    """
    window_energy = float(torch.hann_window(front_end.fft_length).square().sum())
    power = front_end.fft_length * window_energy * peak**2
    weight = float(_filters(front_end, "slaney").max())
    return math.log10(front_end.log_gain * weight * power + 1)


def _find_linear_power(patches: Patches, front_end: FrontEnd) -> Finding | None:
    """Values that stand out by more than a window lets pass: power itself instead of its logarithm.

    A Hann window spreads every tone over four frequencies, so a band beside a loud one is loud too: of the
    logarithms none in a hundred thousand is above both neighbours by 3, a factor of a thousand in power. Of
    power itself, one in twenty to one in three of the loud values is.
    """
    if patches.shape[2] < 3:
        return None
    inner = patches[:, :, 1:-1]
    loud = int((inner > _LOUD).sum())
    stands_out = inner - np.maximum(patches[:, :, :-2], patches[:, :, 2:]) > _LOUD
    if int(stands_out.sum()) < max(_LEAST_PEAKS, _SHARE_OF_PEAKS * loud):
        return None
    return (
        ErrorWord.NOT_LOG_POWER,
        "single bands stand out as they do in linear power; expected "
        f"log10({front_end.log_gain:g} * mel_power + 1)",
    )


def _find_other_mel_scale(patches: Patches, front_end: FrontEnd) -> Finding | None:
    """Low bands that depend on each other as they do on the scale of HTK, and not on Slaney's.

    HTK's lowest bands lie closer to each other than the frequencies of the transform: there are more bands
    than frequencies that they take in, so their power lies in a space of fewer dimensions, which is known.
    What lies outside of it is a fifth of a frame on Slaney's scale, and no more than rounding on HTK's.
    """
    space = _space_of_low_bands_on_htk(front_end)
    if space is None:
        return None
    low = patches.reshape(-1, front_end.mel_bands)[:, : len(space)]
    power = np.power(10.0, low[low.mean(axis=1) > _HEARD], dtype=np.float64) - 1
    if len(power) < _LEAST_FRAMES:
        return None
    outside = np.linalg.norm(power - power @ space @ space.T, axis=1) / np.linalg.norm(power, axis=1)
    if float(np.quantile(outside, _SHARE_OF_FRAMES)) > _OUTSIDE:
        return None
    return (
        ErrorWord.WRONG_MEL_SCALE,
        "low bands depend on each other as on HTK's mel scale; expected Slaney's mel scale and norm, "
        "librosa's default",
    )


def _find_transposed(patches: Patches, front_end: FrontEnd) -> Finding | None:
    """Neighbours of one patch lie where they lie in a patch that was written band by band.

    Frame by frame, a value is most like the one a frame later, ``mel_bands`` places on: more than like those
    a place before or behind that. Band by band it is so ``patch_frames`` places on, and not there.
    """
    frames, bands = front_end.patch_frames, front_end.mel_bands
    reach = _NEARBY + _AROUND_NEARBY
    if abs(frames - bands) <= 2 * reach or min(frames, bands) <= 2 * reach:
        return None
    values = patches.reshape(len(patches), -1)
    if _dip(values, frames, 1) > _DIP or _dip(values, bands, 1) < _NO_DIP:
        return None
    # A tone that falls fast is far more like itself some places before ``bands``, and a beat somewhat.
    nearby = range(bands - _NEARBY, bands + _NEARBY + 1)
    if min(_dip(values, lag, _AROUND_NEARBY) for lag in nearby) < _NO_DIP_NEARBY:
        return None
    return (
        ErrorWord.TRANSPOSED,
        f"the values of a patch lie band by band; expected frame by frame, {frames} frames of {bands} bands",
    )


def _dip(values: npt.NDArray[np.float32], lag: int, around: int) -> float:
    """How much more alike values are at a lag than at those ``around`` it; below 1 if more."""
    beside = min(_difference(values, lag - around), _difference(values, lag + around))
    return _difference(values, lag) / beside if beside > 0 else 1.0


def _difference(values: npt.NDArray[np.float32], lag: int) -> float:
    return float(np.abs(values[:, lag:] - values[:, :-lag]).mean())


@lru_cache(maxsize=8)
def _space_of_low_bands_on_htk(front_end: FrontEnd) -> npt.NDArray[np.float64] | None:
    """An orthonormal base ``[bands, dimensions]`` of what the lowest bands can be on HTK's scale.

    Of as many bands as make the most of them depend on others; None where too few do.
    """
    filters = _filters(front_end, "htk").double().numpy()
    taken_in = [int(filters[:, :bands].any(axis=1).sum()) for bands in range(front_end.mel_bands + 1)]
    dependent = [bands - frequencies for bands, frequencies in enumerate(taken_in)]
    bands = dependent.index(max(dependent))
    if dependent[bands] < _LEAST_DEPENDENT:
        return None
    heard = filters[:, :bands]
    return np.linalg.qr(heard[heard.any(axis=1)].T)[0]


@lru_cache(maxsize=16)
def _filters(front_end: FrontEnd, scale: str) -> torch.Tensor:
    """Mel filters ``[frequencies, bands]`` with Slaney's norm on either scale."""
    return torchaudio.functional.melscale_fbanks(
        n_freqs=front_end.fft_length // 2 + 1,
        f_min=front_end.min_frequency_hz,
        f_max=front_end.max_frequency_hz,
        n_mels=front_end.mel_bands,
        sample_rate=front_end.sample_rate_hz,
        norm="slaney",
        mel_scale=scale,
    )


_CHECKS: tuple[Callable[[Patches, FrontEnd], Finding | None], ...] = (
    _find_linear_power,
    _find_other_mel_scale,
    _find_transposed,
)
