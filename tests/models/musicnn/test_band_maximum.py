"""Filters arranged for bfloat16 respond as the ones they stand for, from the first frame to the last."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from tonearm.models.musicnn.band_maximum import BandMaximum, BandMaximumByFramePairs
from tonearm.models.musicnn.filter_inputs import FilterInputs, filter_inputs


@pytest.fixture(scope="module")
def patches() -> Tensor:
    """Smooth in time, as music mostly is, about a level."""
    noise = torch.randn(3, 187, 96, generator=torch.Generator().manual_seed(1))
    return 3 + noise.cumsum(dim=1) / 10


def filters(frames: int) -> Tensor:
    """Smooth in time too, and of no symmetry."""
    noise = torch.randn(20, 1, frames, 1, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    return noise.cumsum(dim=2) / frames


def rounded(tensor: Tensor) -> Tensor:
    return tensor.bfloat16().to(tensor.dtype)


@pytest.mark.parametrize("frames", [128, 64])
def test_pairs_hear_at_every_frame_what_single_frames_do(frames: int) -> None:
    """With whole numbers, which bfloat16 has: nothing is rounded, and nothing may differ."""
    random = torch.Generator().manual_seed(3)
    levels = torch.randint(1, 5, (2, 187, 1), generator=random)
    about = torch.randint(0, 4, (2, 187, 48), generator=random)
    patches = (levels + torch.cat([about, -about], dim=2)).float()
    kernels = torch.randint(-3, 4, (20, 1, frames, 1), generator=random).double()
    by_pairs = BandMaximumByFramePairs(kernels)(filter_inputs(patches, rounded=True))
    assert torch.equal(by_pairs, BandMaximum(kernels, rounded=True)(filter_inputs(patches, rounded=False)))


@pytest.mark.parametrize("frames", [128, 64])
def test_pairs_of_frames_lose_less_by_rounding(patches: Tensor, frames: int) -> None:
    kernels = filters(frames)
    exact = BandMaximum(kernels, rounded=True)(filter_inputs(patches, rounded=False))
    by_pairs = BandMaximumByFramePairs(kernels)(filter_inputs(patches, rounded=True))
    plain = BandMaximum(rounded(kernels), rounded=True)(filter_inputs(rounded(patches), rounded=False))
    assert by_pairs.shape == exact.shape == (3, 20, 187)
    assert (by_pairs - exact).abs().mean() < (plain - exact).abs().mean() / 3


def test_a_pair_is_a_frame_of_bfloat16_and_what_the_next_one_adds(patches: Tensor) -> None:
    heard = filter_inputs(patches, rounded=True)
    assert heard.pairs is not None
    frame, rise = heard.pairs[:, 0], heard.pairs[:, 1]
    assert torch.equal(frame, rounded(frame))
    relative = patches - patches.mean(dim=2, keepdim=True)
    both = relative[:, :-1] + relative[:, 1:]
    torch.testing.assert_close((2 * frame + rise)[:, 1:-2], both, rtol=0, atol=1e-5)
    assert not frame[:, 0].any() and not frame[:, -1].any()


def test_pairs_are_made_for_rounding_only(patches: Tensor) -> None:
    heard = filter_inputs(patches, rounded=False)
    assert heard.pairs is None
    assert len(heard.parts()) == len(FilterInputs._fields) - 1


def test_what_rounding_takes_from_odd_bands_is_made_up_for_later(patches: Tensor) -> None:
    exact, heard = (filter_inputs(patches, rounded=way).odd for way in (False, True))
    assert torch.equal(heard, rounded(heard))
    by_diffusion, by_plain_rounding = (
        avg_pool2d(one - exact, (7, 1), stride=1).abs().mean() for one in (heard, rounded(exact))
    )
    assert by_diffusion < 0.8 * by_plain_rounding
