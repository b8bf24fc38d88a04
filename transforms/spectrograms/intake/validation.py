"""Whether a record is what the run's networks take: each fault is refused with a word of its own."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

from tonearm.models.front_end import FrontEnd
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import Stage, TrackError
from tonearm.transforms.features.prepared import Patches
from tonearm.transforms.features.spectrogram import SILENCE_PEAK
from tonearm.transforms.spectrograms.intake.value_checks import highest_value, what_is_wrong
from tonearm.transforms.spectrograms.record import SpectrogramRecord

_LOOKED_AT = 16
"""Patches whose values are looked at for how they were made; spread over the track."""

_PATCHES_AT_ONCE = 64


def require_valid(record: SpectrogramRecord, front_end: FrontEnd) -> None:
    """Check a record against the front end of the run's tagger.

    Raises:
        TrackError: ``frontend_mismatch``, ``wrong_dtype``, ``wrong_shape``, ``inconsistent_spectrogram``,
            ``non_finite``, ``out_of_range``, or a word of :func:`what_is_wrong`; the message says what was
            expected.
    """
    _require_front_end(record, front_end)
    _require_shape(record, front_end)
    _require_consistent(record, front_end)
    _require_in_range(record, front_end)
    places = np.linspace(0, len(record.patches) - 1, _LOOKED_AT).round().astype(int)
    if finding := what_is_wrong(_float32(record.patches[np.unique(places)]), front_end):
        raise _error(*finding)


def _require_front_end(record: SpectrogramRecord, front_end: FrontEnd) -> None:
    expected = front_end.fingerprint
    if record.front_end != front_end:
        given, wanted = asdict(record.front_end), asdict(front_end)
        others = [f"{name} {given[name]} instead of {wanted[name]}" for name in wanted]
        differing = [each for each, name in zip(others, wanted, strict=True) if given[name] != wanted[name]]
        message = (
            f"made by front end {record.fingerprint} with {', '.join(differing)}; the tagger needs {expected}"
        )
    elif record.fingerprint != expected:
        message = f"its fingerprint is {record.fingerprint}; its settings, and the tagger, have {expected}"
    else:
        return
    raise _error(ErrorWord.FRONTEND_MISMATCH, message)


def _require_shape(record: SpectrogramRecord, front_end: FrontEnd) -> None:
    patches, patch = record.patches, (front_end.patch_frames, front_end.mel_bands)
    if patches.dtype != np.float16:
        raise _error(ErrorWord.WRONG_DTYPE, f"patches are {patches.dtype}; expected float16")
    if patches.shape[1:] != patch or not len(patches):
        expected = f"expected [patches, {patch[0]}, {patch[1]}], frames by bands, and one patch at least"
        hint = "; it is transposed" if patches.shape[1:] == patch[::-1] else ""
        shape = ", ".join(map(str, patches.shape))
        raise _error(ErrorWord.WRONG_SHAPE, f"patches are [{shape}]; {expected}{hint}")


def _require_consistent(record: SpectrogramRecord, front_end: FrontEnd) -> None:
    """Check the times that segments are made of, and that the facts fit to them."""
    starts_s, facts = record.starts_s, record.facts
    patch_s = front_end.patch_frames * front_end.hop_length / front_end.sample_rate_hz
    if len(starts_s) != len(record.patches):
        raise _inconsistent(f"{len(starts_s)} starts_s for {len(record.patches)} patches; expected one each")
    if not (np.isfinite(starts_s).all() and starts_s[0] >= 0 and (np.diff(starts_s) > 0).all()):
        raise _inconsistent("starts_s do not ascend; expected seconds from 0 on, each more than the last")
    if not facts.decoded_s > 0 or starts_s[-1] > facts.decoded_s:
        raise _inconsistent(
            f"the last patch begins at {starts_s[-1]:g} s of decoded_s {facts.decoded_s:g}; expected within"
        )
    if not 0 < record.analyzed_s <= facts.decoded_s + patch_s:
        raise _inconsistent(
            f"analyzed_s is {record.analyzed_s:g} and decoded_s {facts.decoded_s:g}; expected no more of it"
        )


def _require_in_range(record: SpectrogramRecord, front_end: FrontEnd) -> None:
    highest = highest_value(front_end)
    for first in range(0, len(record.patches), _PATCHES_AT_ONCE):
        patches = _float32(record.patches[first : first + _PATCHES_AT_ONCE])
        low, high = float(patches.min()), float(patches.max())
        if not (np.isfinite(low) and np.isfinite(high)):
            raise _error(ErrorWord.NON_FINITE, "patches hold values that are no numbers, or infinite")
        if low < 0 or high > highest:
            raise _error(
                ErrorWord.OUT_OF_RANGE,
                f"values from {low:.4g} to {high:.4g}; log10({front_end.log_gain:g} * mel_power + 1) is "
                f"between 0 and {highest:.4g} for samples of -1 to 1 and up to 40 dB louder: "
                "is it in decibels, in natural logarithms, or power itself?",
            )
        if record.silent and high > highest_value(front_end, SILENCE_PEAK):
            raise _inconsistent(f"it is said to be silent; expected no values up to {high:.4g}")


def _float32(patches: np.ndarray) -> Patches:  # type: ignore[type-arg]
    return patches.astype(np.float32)


def _inconsistent(message: str) -> TrackError:
    return _error(ErrorWord.INCONSISTENT_SPECTROGRAM, message)


def _error(word: ErrorWord, message: str) -> TrackError:
    return TrackError(Stage.SPECTROGRAM, word, message)
