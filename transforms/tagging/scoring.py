"""Patches of many tracks through an engine in one call, and the scores split back by track."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tonearm.models.engines.contract import Array, Engine
from tonearm.transforms.features.prepared import PreparedTrack


def scored(batch: Sequence[PreparedTrack], engine: Engine) -> list[tuple[Array, Array]]:
    """Score the patches of all tracks of a batch.

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


def are_numbers(scores: Array, embeddings: Array) -> bool:
    """True if there is nothing among them that is infinite or no number."""
    return bool(np.isfinite(scores).all() and np.isfinite(embeddings).all())
