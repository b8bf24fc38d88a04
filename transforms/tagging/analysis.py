"""From a network's patch scores to what the tables say of a track."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from tonearm.models.bundles.tagger import Tagger
from tonearm.models.bundles.tags import Tag, tag_scores
from tonearm.transforms.elements.failure import Failure
from tonearm.transforms.elements.track import Track
from tonearm.transforms.features.prepared import AudioFacts, PreparedTrack

Scores = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Segment:
    """A span of the track with its own mean scores, float32 [units]."""

    index: int
    start_s: float
    end_s: float
    scores: Scores


@dataclass(frozen=True, slots=True)
class TrackAnalysis:
    """All that is written of one track: rows of ``track_tags``, ``segments``, ``embeddings``.

    Attributes:
        track: The track.
        facts: What its audio is.
        tagger: ``name@version`` of the tagger that made it: in one run there may be several.
        fingerprint: Of that tagger's front end.
        analyzed_at: When.
        analyzed_s: Seconds of audio that the networks saw.
        tags: What the track is.
        scores: Mean over its patches, float32 [units].
        segments: The same by spans of the track.
        embedding: Mean of the penultimate layers, float32 [dim].
        shadow: What a second tagger says of the same patches, if there is one; its tags alone are written.
    """

    track: Track
    facts: AudioFacts
    tagger: str
    fingerprint: str
    analyzed_at: datetime
    analyzed_s: float
    tags: tuple[Tag, ...]
    scores: Scores
    segments: tuple[Segment, ...]
    embedding: Scores
    shadow: TrackAnalysis | None = None


Outcome = TrackAnalysis | Failure
"""What becomes of a track: one or the other goes to the tables."""


def analyze(
    prepared: PreparedTrack, scores: Scores, embeddings: Scores, tagger: Tagger, segment_seconds: float
) -> TrackAnalysis:
    """Aggregate one track's patches.

    Args:
        prepared: The track and where its patches lie in time.
        scores: float32 [patches, units], 0 to 1.
        embeddings: float32 [patches, dim], the penultimate layers side by side.
        tagger: Maps units to tags.
        segment_seconds: Length of a segment.
    """
    spectrogram = prepared.spectrogram
    return TrackAnalysis(
        track=prepared.track,
        facts=prepared.facts,
        tagger=tagger.identity,
        fingerprint=tagger.front_end.fingerprint,
        analyzed_at=datetime.now(UTC),
        analyzed_s=spectrogram.analyzed_s,
        tags=tuple(tag_scores(tagger, scores, silent=spectrogram.silent)),
        scores=mean_over_patches(scores),
        segments=tuple(_segments(prepared, scores, tagger.front_end.patch_seconds, segment_seconds)),
        embedding=mean_over_patches(embeddings),
    )


def _segments(
    prepared: PreparedTrack, scores: Scores, patch_seconds: float, segment_seconds: float
) -> Iterator[Segment]:
    """Group patches by the segment that their centre falls into; a segment without a patch has no row."""
    length_s = prepared.facts.decoded_s
    centres_s = np.minimum(prepared.spectrogram.starts_s + patch_seconds / 2, length_s)
    indices = (centres_s // segment_seconds).astype(int)
    for index in np.unique(indices):
        start_s = float(index * segment_seconds)
        yield Segment(
            index=int(index),
            start_s=start_s,
            end_s=min(start_s + segment_seconds, length_s),
            scores=mean_over_patches(scores[indices == index]),
        )


def mean_over_patches(values: Scores) -> Scores:
    """Mean over patches, summed in float64 so that a long track loses no digits."""
    return values.mean(axis=0, dtype=np.float64).astype(np.float32)
