"""The front end: every setting between samples and a network's input, its fingerprint and its limits.

A run takes its settings from its tagger's ``bundle.json`` (``front_end.settings``; the embedded tagger's is
``model_artifacts/musicnn/bundle.json``). A network gives sense only for those that it was trained with.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass

_RATES_HZ = (1_000, 192_000)
_FFT_LENGTHS = (16, 65_536)
_MOST_BANDS = 1_024
_HIGHEST_GAIN = 1e9
_LONGEST_PATCH_S = 60.0
_LARGEST_PATCH = 1 << 18
"""Values of a patch: one MiB. A long track keeps a thousand patches in memory."""


class FrontEndError(ValueError):
    """A setting has a value that cannot be computed, or that an architecture cannot take.

    Attributes:
        setting: Which one.
        expected: What would be accepted, such as ``an even number from 68 on``.
    """

    def __init__(self, setting: str, expected: str) -> None:
        super().__init__(f"{setting}: expected {expected}")
        self.setting = setting
        self.expected = expected


@dataclass(frozen=True, slots=True)
class FrontEnd:
    """Settings that turn samples into patches.

    The defaults are musicnn 0.1.0's (ISC), on librosa's mel scale; no bundle relies on them:
    ``bundle.json`` states every setting.

    Attributes:
        sample_rate_hz: Rate that the mono signal is resampled to.
        fft_length: FFT and periodic Hann window length, in samples.
        hop_length: Distance between frames, in samples.
        mel_bands: Number of Slaney mel bands, Slaney norm.
        min_frequency_hz: Lower edge of the lowest band.
        max_frequency_hz: Upper edge of the highest band.
        log_gain: ``log10(log_gain * mel_power + 1)``.
        patch_frames: Frames that the network sees at once.
        patch_hop_frames: Distance between patches, in frames.
    """

    sample_rate_hz: int = 16000
    fft_length: int = 512
    hop_length: int = 256
    mel_bands: int = 96
    min_frequency_hz: float = 0.0
    max_frequency_hz: float = 8000.0
    log_gain: float = 10000.0
    patch_frames: int = 187
    patch_hop_frames: int = 187

    @property
    def fingerprint(self) -> str:
        """Twelve hex digits that change whenever a setting does."""
        canonical = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]

    @property
    def patch_seconds(self) -> float:
        """Time from one patch's first frame to the next patch's, in seconds."""
        return self.patch_hop_frames * self.hop_length / self.sample_rate_hz

    def require_computable(self) -> None:
        """Check that patches can be computed with these settings, in bounded memory.

        Raises:
            FrontEndError: If not; names the first setting that is to blame.

        Example:
            >>> FrontEnd(max_frequency_hz=11025.0).require_computable()
            Traceback (most recent call last):
                ...
            tonearm.models.front_end.FrontEndError: max_frequency_hz: expected more than min_frequency_hz \
and at most half of the sample rate, 8000
        """
        _require_between("sample_rate_hz", self.sample_rate_hz, *_RATES_HZ)
        _require_between("fft_length", self.fft_length, *_FFT_LENGTHS)
        _require(self.fft_length % 2 == 0, "fft_length", "an even number, since frames are centred")
        _require_between("hop_length", self.hop_length, 1, self.fft_length)
        _require_between("mel_bands", self.mel_bands, 1, _MOST_BANDS)
        nyquist = self.sample_rate_hz / 2
        _require(0 <= self.min_frequency_hz < nyquist, "min_frequency_hz", f"0 to less than {nyquist:g}")
        _require(
            self.min_frequency_hz < self.max_frequency_hz <= nyquist,
            "max_frequency_hz",
            f"more than min_frequency_hz and at most half of the sample rate, {nyquist:g}",
        )
        _require(0 < self.log_gain <= _HIGHEST_GAIN, "log_gain", f"more than 0, at most {_HIGHEST_GAIN:g}")
        most_frames = math.floor(_LONGEST_PATCH_S * self.sample_rate_hz / self.hop_length)
        fitting_frames = min(most_frames, _LARGEST_PATCH // self.mel_bands)
        _require_between("patch_frames", self.patch_frames, 1, fitting_frames)
        _require_between("patch_hop_frames", self.patch_hop_frames, 1, most_frames)


def _require_between(setting: str, value: int, lowest: int, highest: int) -> None:
    _require(lowest <= value <= highest, setting, f"{lowest} to {highest}")


def _require(holds: bool, setting: str, expected: str) -> None:
    if not holds:
        raise FrontEndError(setting, expected)
