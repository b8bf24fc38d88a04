"""Tracks on their way through the graph, made by hand for tests of single steps."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from tonearm.models.architectures import ARCHITECTURES
from tonearm.models.bundles.tagger import Tagger
from tonearm.models.bundles.tags import Tag
from tonearm.transforms.elements.track import Track
from tonearm.transforms.features.prepared import AudioFacts, PreparedTrack, Spectrogram
from tonearm.transforms.tagging.analysis import Segment, TrackAnalysis

FACTS = AudioFacts(
    content_sha256="0" * 64,
    codec="flac",
    sample_rate_hz=44100,
    channels=2,
    duration_s=8.9,
    decoded_s=9.0,
    truncated=False,
    downmix_loss_db=1.25,
    level_db=-14.5,
)
NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)


def prepared_of(track: Track, tagger: Tagger, *, patches: int = 2, level: float = 1.0) -> PreparedTrack:
    """A prepared track whose patches all have one level."""
    front_end = tagger.front_end
    shape = (patches, front_end.patch_frames, front_end.mel_bands)
    spectrogram = Spectrogram(
        patches=np.full(shape, level, np.float32),
        starts_s=np.arange(patches) * front_end.patch_seconds,
        analyzed_s=patches * front_end.patch_seconds,
        silent=False,
        fingerprint=front_end.fingerprint,
    )
    return PreparedTrack(track, FACTS, spectrogram)


def embedding_size(tagger: Tagger) -> int:
    """Length of the embeddings of all networks of a tagger side by side."""
    return sum(ARCHITECTURES[network.architecture].embedding_size for network in tagger.networks)


def analysis_of(track: Track, *, at: datetime = NOON, tagger: str = "musicnn@1") -> TrackAnalysis:
    """An analysis as the network would give it, of two segments and two outputs."""
    scores = np.array([0.25, 0.75], np.float32)
    return TrackAnalysis(
        track=track,
        facts=FACTS,
        tagger=tagger,
        fingerprint="98e098809151",
        analyzed_at=at,
        analyzed_s=8.976,
        tags=(Tag("genre", "rock", 0.25, 0.5, 0.1, True),),
        scores=scores,
        segments=(Segment(0, 0.0, 5.0, scores), Segment(1, 5.0, 9.0, scores)),
        embedding=np.ones(4, np.float32),
    )


def shadowed(analysis: TrackAnalysis, tagger: str = "shadow@1") -> TrackAnalysis:
    """An analysis with that of a second tagger, which says the same of the track."""
    return replace(analysis, shadow=replace(analysis, tagger=tagger))
