"""Kernels in bfloat16 whose errors cancel where a spectrogram is smooth."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor


class Smoothness(NamedTuple):
    """How alike neighbours in a filter's input are: with each step the correlation falls by these factors.

    Attributes:
        frames: From frame to frame.
        bands: From band to band; negative where neighbours tend to differ.
    """

    frames: float
    bands: float


_ROUGHNESS = 0.1
"""Variance of the noise in the input, which no neighbour shares; the smooth part has variance 1."""


def round_to_bfloat16(kernels: Tensor, smoothness: Smoothness) -> Tensor:
    """Round kernels so that their responses to such input change little.

    Rounding to the nearest value changes every weight by itself, and the errors of 133 weights add up. Here
    the error of each weight is made up for by those that are not rounded yet, in the proportion that
    minimizes the expected squared error of the response (GPTQ, Frantar et al. 2022, arXiv:2210.17323). Large
    weights come first, as their steps are the coarsest.

    Args:
        kernels: ``[filters, 1, frames, bands]``.
        smoothness: What the input is like.

    Returns:
        float32 of the same shape, every value one that bfloat16 has.
    """
    weights = kernels.double().flatten(1)
    order = weights.abs().argsort(dim=1, descending=True, stable=True)
    expected = _covariance(kernels.shape[2], kernels.shape[3], smoothness)[
        order[:, :, None], order[:, None, :]
    ]
    with _one_thread():
        inverse = torch.cholesky_inverse(torch.linalg.cholesky(expected))
        shares = torch.linalg.cholesky(inverse, upper=True)
    left = weights.gather(1, order)
    for place in range(left.shape[1]):
        rounded = left[:, place].bfloat16().double()
        error = (left[:, place] - rounded) / shares[:, place, place]
        left[:, place:] -= error[:, None] * shares[:, place, place:]
        left[:, place] = rounded
    return torch.empty_like(left).scatter_(1, order, left).reshape(kernels.shape).float()


def _covariance(frames: int, bands: int, smoothness: Smoothness) -> Tensor:
    """Of the input under a kernel, float64 ``[frames x bands, frames x bands]``."""
    alike = torch.kron(_decay(frames, smoothness.frames), _decay(bands, smoothness.bands))
    return alike + _ROUGHNESS * torch.eye(frames * bands, dtype=torch.float64)


def _decay(length: int, factor: float) -> Tensor:
    place = torch.arange(length)
    return torch.tensor(factor, dtype=torch.float64) ** (place[:, None] - place).abs()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keep PyTorch from waiting for other cores: on busy ones, small matrices take fifty times as long."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
