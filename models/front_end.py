"""The front end: every setting between samples and a network's input, and its fingerprint."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class FrontEnd:
    """Settings that turn samples into patches; the defaults are musicnn 0.1.0's (ISC), librosa's mel scale.

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
