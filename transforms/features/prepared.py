"""A track on its way to the network: what is known of its audio, and its spectrogram."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tonearm.transforms.elements.track import Track

Patches = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Spectrogram:
    """The log-mel patches of one track.

    Attributes:
        patches: float32 [patches, patch_frames, mel_bands].
        starts_s: float64 [patches], where each patch begins in the track, in seconds.
        analyzed_s: Seconds of audio that the patches cover.
        silent: True if no sample rises above :data:`SILENCE_PEAK`.
        fingerprint: Fingerprint of the front end that made the patches.
    """

    patches: Patches
    starts_s: npt.NDArray[np.float64]
    analyzed_s: float
    silent: bool
    fingerprint: str


@dataclass(frozen=True, slots=True)
class AudioFacts:
    """What fetching and decoding found out about a track; columns of ``track_tags``."""

    content_sha256: str
    codec: str
    sample_rate_hz: int
    channels: int
    duration_s: float | None
    decoded_s: float
    truncated: bool
    downmix_loss_db: float | None
    level_db: float | None


@dataclass(frozen=True, slots=True)
class PreparedTrack:
    """A track ready for the network; the one element that carries a spectrogram."""

    track: Track
    facts: AudioFacts
    spectrogram: Spectrogram
