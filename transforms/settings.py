"""Settings of the analysis: passed in whole, recorded with the run."""

from __future__ import annotations

from dataclasses import dataclass

from transforms.analysis import DEFAULT_SEGMENT_SECONDS
from transforms.decode_isolated import STALL_LIMIT_S
from transforms.spectrogram import MAX_PATCHES
from transforms.storage import DEFAULT_MAX_TRACK_BYTES


@dataclass(frozen=True, slots=True)
class AnalysisSettings:
    """What decides how a track is analysed.

    Attributes:
        tagger: Name of an embedded bundle, or where a bundle lies.
        precision: ``float32`` or ``bf16``, see ``models.engine``.
        segment_seconds: Length of a segment.
        max_patches: Patches kept of one track; a longer one is sampled evenly.
        max_track_bytes: Larger objects fail as ``too_large`` and are not read.
        decode_timeout_s: Seconds that a decoder may be silent before its track fails as ``decode_timeout``.
    """

    tagger: str = "musicnn"
    precision: str = "float32"
    segment_seconds: float = DEFAULT_SEGMENT_SECONDS
    max_patches: int = MAX_PATCHES
    max_track_bytes: int = DEFAULT_MAX_TRACK_BYTES
    decode_timeout_s: float = STALL_LIMIT_S
