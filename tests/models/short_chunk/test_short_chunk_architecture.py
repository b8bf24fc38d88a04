"""What short-chunk networks tell bundles and engines of themselves is what they are."""

from __future__ import annotations

import pytest

from tonearm.models.front_end import FrontEnd, FrontEndError
from tonearm.models.short_chunk.architecture import ShortChunkArchitecture
from tonearm.models.short_chunk.network import ShortChunk


def test_the_shapes_that_are_stated_are_the_networks() -> None:
    state = ShortChunk(units=7).state_dict()
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items() if tensor.ndim}
    assert ShortChunkArchitecture().tensor_shapes(7) == shapes


@pytest.mark.parametrize("setting", ["mel_bands", "patch_frames"])
def test_patches_too_small_for_all_poolings_are_refused(setting: str) -> None:
    ShortChunkArchitecture().require_front_end(FrontEnd(mel_bands=32, patch_frames=32))
    with pytest.raises(FrontEndError, match=f"{setting}: expected 32 or more"):
        ShortChunkArchitecture().require_front_end(FrontEnd(**{setting: 31}))
