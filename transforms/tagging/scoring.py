"""A batch of tracks through a tagger's engine: what becomes of each, on its own merits."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

import numpy as np

from tonearm.models.bundles.tagger import Tagger
from tonearm.models.engines.contract import Array, Engine
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import Failure, Stage, TrackError
from tonearm.transforms.elements.stage_times import StageTimes
from tonearm.transforms.features.prepared import PreparedTrack
from tonearm.transforms.tagging.analysis import Outcome, analyze
from tonearm.transforms.tagging.at_work import LoadedTagger

_logger = logging.getLogger(__name__)


def outcomes_by(
    loaded: LoadedTagger, batch: Sequence[PreparedTrack], segment_seconds: float
) -> Iterator[Outcome]:
    """What a tagger makes of the tracks of a batch, in their order.

    If the batch fails, its tracks are tried one by one, so that a failure costs only the guilty track.

    Args:
        loaded: The tagger.
        batch: Tracks whose patches its front end made.
        segment_seconds: Length of a segment.
    """
    if not batch:
        return
    times = StageTimes()
    try:
        with times.measure("network"):
            results = _scored(batch, loaded.engine)
    except Exception as error:
        name = type(error).__name__
        _logger.warning("a batch of %d tracks failed for %s (%s)", len(batch), loaded.tagger.identity, name)
        if len(batch) > 1:
            for prepared in batch:
                yield from outcomes_by(loaded, [prepared], segment_seconds)
        else:
            problem = TrackError(
                Stage.INFERENCE, ErrorWord.MODEL_ERROR, f"the network failed: {name}", retriable=True
            )
            yield Failure.of(batch[0].track, problem)
        return
    times.report()
    for prepared, (scores, embeddings) in zip(batch, results, strict=True):
        yield _settled(prepared, scores, embeddings, loaded.tagger, segment_seconds)


def _scored(batch: Sequence[PreparedTrack], engine: Engine) -> list[tuple[Array, Array]]:
    """Score the patches of all tracks in one go.

    Returns:
        Of each track its scores [patches, units] and embeddings [patches, dim].

    Raises:
        Exception: Whatever the engine raises.
    """
    patches = [prepared.spectrogram.patches for prepared in batch]
    joined = patches[0] if len(patches) == 1 else np.concatenate(patches)
    scores, embeddings = engine.infer(joined)
    borders = np.cumsum([len(each) for each in patches])[:-1]
    return list(zip(np.split(scores, borders), np.split(embeddings, borders), strict=True))


def _settled(
    prepared: PreparedTrack, scores: Array, embeddings: Array, tagger: Tagger, segment_seconds: float
) -> Outcome:
    if not (np.isfinite(scores).all() and np.isfinite(embeddings).all()):
        problem = TrackError(
            Stage.INFERENCE, ErrorWord.NON_FINITE, "the network gave scores that are no numbers"
        )
        return Failure.of(prepared.track, problem)
    return analyze(prepared, scores, embeddings, tagger, segment_seconds)
