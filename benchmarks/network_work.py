"""What the networks are given to do in benchmarks, how much work that is, and the definition's own answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from tonearm.models.bundles.tagger import Tagger
from tonearm.models.engines.arrangement import ArrangedTagger
from tonearm.models.engines.contract import Array
from tonearm.models.musicnn.filter_inputs import FilterInputs, filter_inputs
from tonearm.models.musicnn.fusion import FusedMusicnn

TORCH_BATCH = 2
"""Patches; larger batches thrash the allocator and the cache."""

Score = Callable[[Array], Array]
"""From patches [patches, frames, bands] to scores [patches, units]."""


def with_torch(module: nn.Module) -> Score:
    """Score with PyTorch on the CPU, in float32."""

    def score(patches: Array) -> Array:
        with torch.inference_mode():
            batches = torch.from_numpy(patches).split(TORCH_BATCH)
            scores: Array = torch.cat([module(batch)[0] for batch in batches]).numpy()
            return scores

    return score


def gigaflops(module: nn.Module, tagger: Tagger) -> float:
    """Floating point operations for a patch, in billions; a multiply-add counts as two.

    Without those on filters of zeros, which only fill blocks: no work that anybody needs.
    """
    patch = torch.zeros(1, tagger.front_end.patch_frames, tagger.front_end.mel_bands)
    idle = _gigaflops_of_zeros(module, patch) if isinstance(module, ArrangedTagger) else 0.0
    return _gigaflops(module, patch) - idle


def _gigaflops_of_zeros(module: ArrangedTagger, patch: Tensor) -> float:
    inputs = filter_inputs(patch, rounded=module.rounded)
    fronts = [front for group in module.groups if isinstance(group, FusedMusicnn) for front in group.fronts]
    idle = 0.0
    for front in fronts:
        sizes = cast(list[int], front.sizes)
        idle += sum(sizes[cast(int, front.networks) :]) / sum(sizes) * _gigaflops(front, inputs)
    return idle


def _gigaflops(module: nn.Module, given: Tensor | FilterInputs) -> float:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(given)
    return counter.get_total_flops() / 1e9


def made_up_patches(tagger: Tagger, number: int) -> Array:
    """Log-mel values that wander from frame to frame and band to band, as those of music do."""
    shape = (number, tagger.front_end.patch_frames, tagger.front_end.mel_bands)
    steps = np.random.default_rng(0).standard_normal(shape, np.float32)
    wandering = steps.cumsum(axis=1).cumsum(axis=2)
    lowest, highest = (reduce(wandering, axis=(1, 2), keepdims=True) for reduce in (np.min, np.max))
    return 6 * (wandering - lowest) / (highest - lowest)
