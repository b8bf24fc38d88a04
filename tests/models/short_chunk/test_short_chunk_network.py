"""The short-chunk network in training and in use."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tonearm.models.short_chunk.network import ShortChunk
from tonearm.models.short_chunk.sizes import SHORTEST_AXIS


@pytest.fixture
def patches() -> Tensor:
    return 6 * torch.rand(3, 187, 96, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def network() -> ShortChunk:
    torch.manual_seed(0)
    return ShortChunk(units=4)


def test_shapes_and_ranges(network: ShortChunk, patches: Tensor) -> None:
    scores, embedding = network.eval()(patches)
    assert scores.shape == (3, 4) and embedding.shape == (3, 200)
    assert scores.min() >= 0 and scores.max() <= 1


def test_the_shortest_patch_is_scored(network: ShortChunk) -> None:
    shortest = torch.zeros(1, SHORTEST_AXIS, SHORTEST_AXIS)
    assert network.eval()(shortest)[0].isfinite().all()
    with pytest.raises(RuntimeError):
        network(shortest[:, 2:])


def test_the_last_layer_makes_scores_of_the_embedding(network: ShortChunk, patches: Tensor) -> None:
    scores, embedding = network.eval()(patches)
    assert torch.equal(network.embedding_of(patches), embedding)
    assert torch.equal(network.output(embedding).sigmoid(), scores)


def test_a_patch_scores_the_same_alone_and_in_a_batch(network: ShortChunk, patches: Tensor) -> None:
    network.eval()
    alone = torch.cat([network(patch[None])[0] for patch in patches])
    torch.testing.assert_close(alone, network(patches)[0], rtol=0, atol=1e-6)
