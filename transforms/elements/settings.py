"""Settings of the analysis and their defaults: passed in whole, recorded with the run."""

from __future__ import annotations

from dataclasses import dataclass

from tonearm.transforms.elements.decoder_choice import DecoderChoice
from tonearm.transforms.elements.further_taggers import Canary, Shadow

SEGMENT_SECONDS = 15.0

MAX_PATCHES = 1024
"""Patches of one track that the networks see: 51 minutes without a gap at musicnn's 2.99 s."""

MAX_TRACK_BYTES = 4 << 30
"""Four GiB holds six hours of 16-bit stereo at 48 kHz, uncompressed."""


@dataclass(frozen=True, slots=True)
class AnalysisSettings:
    """What decides how a track is analysed.

    Attributes:
        tagger: Name of an embedded bundle, or where a bundle lies.
        precision: ``float32`` or ``bf16``, see ``tonearm.models.engines.shared``.
        segment_seconds: Length of a segment.
        max_patches: Patches of one track that the networks see; evenly spread over one that has more.
        max_track_bytes: Larger objects fail as ``too_large`` and are not read.
        decoder: Which libraries decode.
        shadow: A tagger that tags every track once more; None for none.
        canary: A tagger that tags a share of the tracks in place of the other; None for none.
    """

    tagger: str = "musicnn"
    precision: str = "float32"
    segment_seconds: float = SEGMENT_SECONDS
    max_patches: int = MAX_PATCHES
    max_track_bytes: int = MAX_TRACK_BYTES
    decoder: DecoderChoice = DecoderChoice.FFMPEG_AND_LIBSNDFILE
    shadow: Shadow | None = None
    canary: Canary | None = None
