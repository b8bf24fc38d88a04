"""From patch scores to what the tables say of a track."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.tracks import embedding_size, prepared_of
from tonearm.models.bundles.loading import load_tagger
from tonearm.models.bundles.tagger import Tagger
from tonearm.transforms.elements.track import Track
from tonearm.transforms.features.prepared import PreparedTrack
from tonearm.transforms.tagging.analysis import TrackAnalysis, analyze

PATCH_S = 2.992


@pytest.fixture(scope="module")
def tagger() -> Tagger:
    return load_tagger("musicnn")


def analysis(tagger: Tagger, scores: np.ndarray, *, decoded_s: float, stride: int = 1) -> TrackAnalysis:
    """Analyse a track whose patches got these scores, the same for every output."""
    prepared = prepared_of(Track("1", "/a.flac"), tagger, patches=len(scores))
    prepared = PreparedTrack(
        prepared.track,
        replace(prepared.facts, decoded_s=decoded_s),
        replace(prepared.spectrogram, starts_s=prepared.spectrogram.starts_s * stride),
    )
    every_output = np.repeat(scores[:, None], len(tagger.units), axis=1).astype(np.float32)
    embeddings = np.ones((len(scores), embedding_size(tagger)), np.float32)
    return analyze(prepared, every_output, embeddings, tagger, segment_seconds=15.0)


def test_a_track_scores_the_mean_of_its_patches(tagger: Tagger) -> None:
    result = analysis(tagger, np.array([0.1, 0.2, 0.6]), decoded_s=9.5)
    np.testing.assert_allclose(result.scores, 0.3, rtol=1e-6)
    assert result.scores.dtype == np.float32
    assert len(result.scores) == 100
    assert len(result.embedding) == 400


def test_a_long_track_loses_no_digits(tagger: Tagger) -> None:
    scores = np.full(1024, 0.1, np.float32)
    assert analysis(tagger, scores, decoded_s=3600).scores[0] == np.float32(0.1)


def test_segments_follow_each_other_and_end_with_the_track(tagger: Tagger) -> None:
    scores = np.repeat([0.1, 0.2, 0.3], [5, 5, 1])
    segments = analysis(tagger, scores, decoded_s=34.0).segments
    assert [(segment.index, segment.start_s, segment.end_s) for segment in segments] == [
        (0, 0.0, 15.0),
        (1, 15.0, 30.0),
        (2, 30.0, 34.0),
    ]
    np.testing.assert_allclose([segment.scores[0] for segment in segments], [0.1, 0.2, 0.3], rtol=1e-6)


def test_a_segment_without_a_patch_has_no_row(tagger: Tagger) -> None:
    segments = analysis(tagger, np.array([0.5, 0.5]), decoded_s=60.0, stride=16).segments
    assert [segment.index for segment in segments] == [0, 3]


def test_a_track_shorter_than_a_patch_has_one_segment_of_its_own_length(tagger: Tagger) -> None:
    (segment,) = analysis(tagger, np.array([0.5]), decoded_s=0.3).segments
    assert (segment.index, segment.start_s, segment.end_s) == (0, 0.0, 0.3)
