"""Kernels in bfloat16 whose errors cancel."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from tonearm.models.musicnn.rounding import Smoothness, round_to_bfloat16

SMOOTH = Smoothness(frames=0.8, bands=0.8)


@pytest.fixture(scope="module")
def kernels() -> Tensor:
    return torch.randn(6, 1, 7, 19, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_what_comes_out_is_bfloat16(kernels: Tensor) -> None:
    rounded = round_to_bfloat16(kernels, SMOOTH)
    assert rounded.dtype == torch.float32
    assert rounded.shape == kernels.shape
    assert torch.equal(rounded, rounded.bfloat16().float())


def test_values_that_bfloat16_has_stay(kernels: Tensor) -> None:
    short = kernels.bfloat16().float()
    assert torch.equal(round_to_bfloat16(short.double(), SMOOTH), short)


def test_no_weight_goes_far(kernels: Tensor) -> None:
    """It takes part of its neighbours' errors over, but no more than some steps of the largest weight."""
    step = 2**-7 * kernels.abs().max()
    assert (round_to_bfloat16(kernels, SMOOTH) - kernels).abs().max() < 4 * step


def test_responses_to_smooth_input_change_less_than_by_plain_rounding(kernels: Tensor) -> None:
    steps = torch.randn(4, 1, 60, 60, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    smooth = functional.avg_pool2d(steps, 5, stride=1)
    expected = functional.conv2d(smooth, kernels)
    ours, plain = (
        (functional.conv2d(smooth, each.double()) - expected).std()
        for each in (round_to_bfloat16(kernels, SMOOTH), kernels.bfloat16())
    )
    assert ours < plain / 2


def test_the_number_of_threads_is_restored(kernels: Tensor) -> None:
    before = torch.get_num_threads()
    round_to_bfloat16(kernels, SMOOTH)
    assert torch.get_num_threads() == before
