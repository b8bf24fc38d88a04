"""What musicnn tells bundles and engines of itself is what its network is."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tonearm.models.front_end import FrontEnd, FrontEndError
from tonearm.models.musicnn.architecture import MusicnnArchitecture
from tonearm.models.musicnn.filter_inputs import filter_inputs
from tonearm.models.musicnn.fusion import FusedMusicnn
from tonearm.models.musicnn.network import Musicnn


def test_the_shapes_that_are_stated_are_the_networks() -> None:
    state = Musicnn(units=7).state_dict()
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items() if tensor.ndim}
    assert MusicnnArchitecture().tensor_shapes(7) == shapes


@pytest.mark.parametrize("bands", [64, 66, 67, 69, 97])
def test_bands_that_no_engine_can_take_are_refused(bands: int) -> None:
    with pytest.raises(FrontEndError, match="mel_bands: expected an even number from 68 on"):
        MusicnnArchitecture().require_front_end(FrontEnd(mel_bands=bands))


@pytest.mark.parametrize("rounded", [False, True])
@pytest.mark.parametrize(("frames", "bands"), [(1, 68), (5, 96), (64, 70), (187, 128), (400, 96)])
def test_patches_of_every_size_that_is_accepted_are_scored(frames: int, bands: int, rounded: bool) -> None:
    MusicnnArchitecture().require_front_end(FrontEnd(mel_bands=bands, patch_frames=frames))
    torch.manual_seed(0)
    network = Musicnn(units=4, front_channels=(3, 3, 2, 2, 2)).eval()
    steps = np.random.default_rng(0).standard_normal((2, frames, bands), np.float32)
    patches = torch.from_numpy(3 + steps.cumsum(axis=1).cumsum(axis=2) / frames)
    fused = FusedMusicnn([network], frames, bands, rounded=rounded).eval()
    scores, _ = fused(*filter_inputs(patches, rounded=rounded).parts())
    torch.testing.assert_close(scores, network(patches)[0], rtol=0, atol=2e-2 if rounded else 1e-5)
