"""Patches that tests of all engines score, and the scores that the networks' definition gives them."""

from __future__ import annotations

import numpy as np
import torch

from tonearm.models.bundles.tagger import Tagger
from tonearm.models.engines.contract import Array
from tonearm.models.side_by_side import SideBySide

GENTLE = slice(0, 5)
"""Patches whose values run as smoothly as music's; 16 bits are made for these."""


def made_up_patches() -> Array:
    """Nine patches: five that run smoothly, one with hard edges, noise, silence, and the loudest there is."""
    steps = np.random.default_rng(0).standard_normal((9, 187, 96), np.float32)
    wandering = steps.cumsum(axis=1).cumsum(axis=2)
    lowest, highest = (reduce(wandering, axis=(1, 2), keepdims=True) for reduce in (np.min, np.max))
    made_up = 6 * (wandering - lowest) / (highest - lowest)
    made_up[5] = np.clip(3 + 0.1 * wandering[1], 0, 7)
    made_up[6] = np.abs(steps[6])
    made_up[7] = 0
    made_up[8] = 7
    return made_up


def defined_results(tagger: Tagger, patches: Array) -> tuple[Array, Array]:
    """The definition's scores and embeddings, in float32 on the CPU."""
    with torch.inference_mode():
        scores, embeddings = SideBySide(tagger.build_networks())(torch.from_numpy(patches))
    return scores.numpy(), embeddings.numpy()
