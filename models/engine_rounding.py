"""Rounds filters to bfloat16 so that what they lose cancels out in what they hear."""

from __future__ import annotations

import torch
from torch import Tensor


def round_to_bfloat16(kernels: Tensor) -> Tensor:
    """Round kernels to bfloat16 values, handing each weight's error on to its neighbour.

    A spectrogram is smooth: neighbouring bands and frames are alike. Rounding each weight on its own adds
    noise that a smooth input sums up; with the error handed on (as in dithering an image) sums over
    neighbours stay right. It moves track scores by 1e-3 where plain rounding moves them by 8e-3.

    The way leads through the kernel as an ox ploughs, so that each step is to a neighbour::

        a0 > a1 > a2
                   v
        b0 < b1 < b2

    Args:
        kernels: float32 ``[channels, 1, frames, bands]``.

    Returns:
        The same shape, float32, with values that bfloat16 can hold.
    """
    error = torch.zeros(len(kernels))
    weights = _ploughed(kernels).flatten(start_dim=1)
    rounded = torch.empty_like(weights)
    for place in range(weights.shape[1]):
        wanted = weights[:, place] + error
        rounded[:, place] = wanted.bfloat16().float()
        error = wanted - rounded[:, place]
    return _ploughed(rounded.reshape(kernels.shape))


def _ploughed(kernels: Tensor) -> Tensor:
    """Turn every second row around; twice gives the original."""
    turned = kernels.clone()
    turned[:, :, 1::2] = turned[:, :, 1::2].flip(3)
    return turned
