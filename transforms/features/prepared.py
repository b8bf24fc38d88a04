"""A track on its way to the network: what is known of its audio, and its spectrogram."""

from __future__ import annotations

from dataclasses import dataclass

from tonearm.transforms.elements.track import Track
from tonearm.transforms.features.spectrogram import Spectrogram


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


@dataclass(frozen=True, slots=True)
class PreparedTrack:
    """A track ready for the network; the one element that carries a spectrogram."""

    track: Track
    facts: AudioFacts
    spectrogram: Spectrogram
