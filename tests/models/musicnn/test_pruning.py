"""Pruned networks give the same scores with fewer filters."""

import pytest
import torch
from torch import Tensor

from tonearm.models.bundles.loading import load_tagger
from tonearm.models.musicnn.network import Musicnn
from tonearm.models.musicnn.pruning import LEAST_ROUNDED_INFLUENCE, influence, prune, rest


@pytest.fixture(scope="module")
def inputs() -> Tensor:
    """Noise at several levels, silence, full scale and a step: any filter that listens would stir."""
    noise = torch.rand(4, 187, 96, generator=torch.Generator().manual_seed(3))
    levels = noise * torch.tensor([0.5, 2.0, 5.0, 7.0])[:, None, None]
    step = torch.zeros(1, 187, 96)
    step[:, 90:, 40:] = 6.5
    return torch.cat([levels, torch.zeros(1, 187, 96), torch.full((1, 187, 96), 7.0), step])


@pytest.mark.parametrize("index", [0, 1])
def test_scores_and_embeddings_stay(index: int, inputs: Tensor) -> None:
    full = load_tagger("musicnn").build_networks()[index]
    small = prune(full)
    for before, after, tolerance in zip(full(inputs), small(inputs), (2e-6, 3e-5), strict=True):
        torch.testing.assert_close(after, before, rtol=0, atol=tolerance)


def test_most_filters_of_the_embedded_tagger_are_switched_off() -> None:
    widths = [
        [branch.conv.out_channels for branch in prune(network).front]
        for network in load_tagger("musicnn").build_networks()
    ]
    assert widths == [[66, 68, 18, 15, 44], [23, 14, 3, 7, 18]]


@pytest.mark.slow
def test_a_little_more_goes_where_scores_are_rounded_anyway(inputs: Tensor) -> None:
    for full in load_tagger("musicnn").build_networks():
        small = prune(full, LEAST_ROUNDED_INFLUENCE)
        assert small.front[0].conv.out_channels < prune(full).front[0].conv.out_channels
        torch.testing.assert_close(small(inputs)[0], full(inputs)[0], rtol=0, atol=4e-4)


def test_a_network_whose_filters_all_listen_keeps_them(inputs: Tensor) -> None:
    torch.manual_seed(0)
    network = Musicnn(units=4, front_channels=(3, 3, 2, 2, 2)).eval()
    small = prune(network)
    assert [branch.conv.out_channels for branch in small.front] == [3, 3, 2, 2, 3]  # one gives ones
    torch.testing.assert_close(small(inputs), network(inputs))


def test_constants_reach_the_edges_of_time(inputs: Tensor) -> None:
    """A dead filter with a large constant shows any mistake at the zero padding of the next convolution."""
    torch.manual_seed(0)
    network = Musicnn(units=4, front_channels=(3, 3, 2, 2, 2)).eval()
    with torch.no_grad():
        network.front[0].conv.weight[1] = 0
        network.front[0].norm.bias[1] = 10
        network.front[4].conv.weight[:] = 0
        network.front[4].conv.bias[:] = 2
        network.front[2].conv.weight[:] = 0
    assert (influence(network) > 0).tolist() == [
        True,
        False,
        True,
        *[True] * 3,
        *[False] * 2,
        *[True] * 2,
        *[False] * 2,
    ]
    assert rest(network.front[4]).tolist() == pytest.approx([2, 2], abs=1e-2)
    torch.testing.assert_close(prune(network)(inputs), network(inputs), rtol=0, atol=1e-5)
