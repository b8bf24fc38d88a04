"""What taggers say of a track: the very scores that ingestion writes, by the same engine and rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tonearm.models.bundles.tagger import Tagger
from tonearm.models.bundles.tags import tag_scores
from tonearm.models.engines.contract import Engine
from tonearm.models.engines.shared import shared_engine
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import Stage, TrackError, failing_at
from tonearm.transforms.features.prepared import Patches
from tonearm.transforms.tagging.analysis import mean_over_patches

PRECISION = "float32"
"""As ingestion's default has it: figures are those of the scores that tables hold."""


@dataclass(frozen=True, slots=True)
class TrackScores:
    """What one tagger says of one track.

    Attributes:
        units: float32 [units], the column ``scores`` of ``track_tags``.
        tags: Score by tag, the column ``tags``.
    """

    units: npt.NDArray[np.float32]
    tags: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Scorer:
    """A tagger with the engine that runs it.

    Attributes:
        tagger: What scores are asked of.
        engine: Safe to call from several threads.
    """

    tagger: Tagger
    engine: Engine

    def score(self, patches: Patches) -> TrackScores:
        """Score one track.

        Args:
            patches: float32 [patches, frames, bands], made by the tagger's front end.

        Raises:
            TrackError: The network failed, or gave no numbers.
        """
        with failing_at(Stage.INFERENCE):
            scores, _ = self.engine.infer(patches)
        if not np.isfinite(scores).all():
            message = "the network gave scores that are no numbers"
            raise TrackError(Stage.INFERENCE, ErrorWord.NON_FINITE, message)
        tags = {each.tag: each.score for each in tag_scores(self.tagger, scores)}
        return TrackScores(mean_over_patches(scores), tags)


def scorers_of(taggers: Sequence[Tagger]) -> tuple[Scorer, ...]:
    """The taggers, ready to score; engines are made here, which takes seconds.

    Raises:
        BundleError: Weights cannot be read.
    """
    return tuple(Scorer(tagger, shared_engine(tagger, PRECISION)) for tagger in taggers)
