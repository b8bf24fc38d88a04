"""Filters gathered in banks: each once, in full blocks, with the same response."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tonearm.models.musicnn.filter_banks import filter_banks
from tonearm.models.musicnn.filter_inputs import filter_inputs
from tonearm.models.musicnn.fusion import FusedMusicnn
from tonearm.models.musicnn.network import Musicnn
from tonearm.models.side_by_side import SideBySide

BLOCK = 16


@pytest.fixture(scope="module")
def networks() -> list[Musicnn]:
    """Two small ones, so that several shapes of filters have less than a block."""
    torch.manual_seed(0)
    return [
        Musicnn(units=4, front_channels=(20, 18, 5, 20, 37)).eval(),
        Musicnn(units=3, front_channels=(3, 14, 2, 6, 18)).eval(),
    ]


@pytest.fixture(scope="module")
def patches() -> Tensor:
    return torch.rand(2, 187, 96, generator=torch.Generator().manual_seed(1)) * 6


@pytest.mark.parametrize("rounded", [False, True])
def test_every_filter_is_in_one_bank(networks: list[Musicnn], rounded: bool) -> None:
    banks = [bank for bank, _ in filter_banks(networks, 187, rounded=rounded)]
    dealt = [
        (int(network), int(channel))
        for bank in banks
        for network, channel in zip(bank.network, bank.channel, strict=True)
        if network < len(networks)
    ]
    expected = [
        (number, channel)
        for number, network in enumerate(networks)
        for channel in range(sum(branch.conv.out_channels for branch in network.front))
    ]
    assert sorted(dealt) == expected


def test_a_bank_is_sorted_by_network(networks: list[Musicnn]) -> None:
    for bank, _ in filter_banks(networks, 187, rounded=True):
        assert bank.network.tolist() == sorted(bank.network.tolist())


@pytest.mark.parametrize("rounded", [False, True])
def test_blocks_are_full(networks: list[Musicnn], rounded: bool) -> None:
    for bank, _ in filter_banks(networks, 187, rounded=rounded):
        assert bank.filters % BLOCK == 0
        assert not bank.kernels[bank.network == len(networks)].any()


def test_shorter_filters_fill_the_blocks_of_longer_ones(networks: list[Musicnn]) -> None:
    """Of 7, 26 and 55 filters, 9 go one length up, then 7."""
    temporal = [bank for bank, _ in filter_banks(networks, 187, rounded=False) if bank.kernels.shape[3] == 1]
    assert [int((bank.network < len(networks)).sum()) for bank in temporal] == [16, 24, 48]


@pytest.mark.parametrize(("rounded", "tolerance"), [(False, 1e-5), (True, 5e-3)])
def test_arranging_keeps_the_scores(
    networks: list[Musicnn], patches: Tensor, rounded: bool, tolerance: float
) -> None:
    fused = FusedMusicnn(networks, 187, 96, rounded=rounded).eval()
    results = fused(*filter_inputs(patches, rounded=rounded).parts())
    for before, after in zip(SideBySide(networks)(patches), results, strict=True):
        torch.testing.assert_close(after, before, rtol=0, atol=tolerance)


def test_rounding_spares_the_shortest_filters_of_one_band(networks: list[Musicnn]) -> None:
    for bank, may_be_rounded in filter_banks(networks, 187, rounded=True):
        for network, channel in zip(bank.network.tolist(), bank.channel.tolist(), strict=True):
            if network < len(networks):
                *longer, _ = [branch.conv.out_channels for branch in networks[network].front]
                assert may_be_rounded == (channel < sum(longer))
