"""Augmentation: each time a patch is shown it sounds a little different, or together with another one.

A patch holds ``log10(gain * mel + 1)`` (:mod:`tonearm.models.front_end`). Loudness, equaliser and mixing are
sums and factors of power, so the logarithm is taken back, and again afterwards. The front end's gain drops
out: all factors are relative to ``gain * mel``.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from tonearm.learning.training.settings import TrainingSettings

_LOG_10 = math.log(10)
_EQUALISER_KNOTS = 6
"""Places over the spectrum at which the equaliser is drawn; in between it is a straight line."""


def augment(
    patches: Tensor, labels: Tensor, settings: TrainingSettings, numbers: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Change a batch at random.

    Args:
        patches: float32 [batch, frames, bands].
        labels: int8 [batch, labels]: 1, -1, or 0 where nothing is known.
        settings: How much.
        numbers: Draws everything, on the CPU, so that every device draws the same.

    Returns:
        Patches and labels of the same shapes; where two patches were mixed, the labels of both.
    """
    power = torch.expm1(patches * _LOG_10)
    if settings.gain_db or settings.equaliser_db:
        factors = _factors(patches.shape[0], patches.shape[2], settings, numbers)
        power = power * torch.from_numpy(factors).to(patches.device)[:, None, :]
    if settings.mix:
        partners = torch.from_numpy(numbers.permutation(len(patches))).to(patches.device)
        chosen = torch.from_numpy(numbers.random(len(patches)) < settings.mix).to(patches.device)
        power = torch.where(chosen[:, None, None], power + power[partners], power)
        labels = torch.where(chosen[:, None], union(labels, labels[partners]), labels)
    patches = torch.log1p(power) / _LOG_10
    if settings.mask:
        patches = _masked(patches, settings.mask, numbers)
    return patches, labels


def union(labels: Tensor, others: Tensor) -> Tensor:
    """What is known of the sound of two tracks together.

    A label holds if it holds for one of them, does not if it holds for neither, and is unknown otherwise.

    >>> one, other = torch.tensor([1, 1, -1, -1, 0]), torch.tensor([-1, 0, -1, 0, 0])
    >>> union(one, other).tolist()
    [1, 1, -1, 0, 0]
    """
    return torch.maximum(labels, others)


def _factors(
    batch: int, bands: int, settings: TrainingSettings, numbers: np.random.Generator
) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Factors of power by patch and band: a loudness, and an equaliser that is smooth over the bands."""
    loudness = numbers.uniform(-settings.gain_db, settings.gain_db, (batch, 1))
    knots = numbers.uniform(-settings.equaliser_db, settings.equaliser_db, (batch, _EQUALISER_KNOTS))
    places = np.linspace(0, _EQUALISER_KNOTS - 1, bands)
    shares = np.clip(1 - np.abs(places - np.arange(_EQUALISER_KNOTS)[:, None]), 0, None)
    return (10 ** ((loudness + knots @ shares) / 10)).astype(np.float32)


def _masked(patches: Tensor, widest: float, numbers: np.random.Generator) -> Tensor:
    """Silence a random span of frames and one of bands in each patch.

    SpecAugment without its time warp (Park et al. 2019, arXiv:1904.08779).
    """
    batch, frames, bands = patches.shape
    kept_frames = torch.from_numpy(_outside_a_span(batch, frames, widest, numbers)).to(patches.device)
    kept_bands = torch.from_numpy(_outside_a_span(batch, bands, widest, numbers)).to(patches.device)
    return patches * kept_frames[:, :, None] * kept_bands[:, None, :]


def _outside_a_span(
    batch: int, size: int, widest: float, numbers: np.random.Generator
) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    widths = numbers.uniform(0, widest * size, (batch, 1))
    begins = numbers.uniform(0, size - widths)
    places = np.arange(size)[None, :]
    return ((places < begins) | (places >= begins + widths)).astype(np.float32)
