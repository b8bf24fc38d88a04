"""Musicnn networks fused into one module that shares their front convolutions: the same scores, less work."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from tonearm.models.musicnn.band_maximum import BandMaximum, BandMaximumByBandPairs, BandMaximumByFramePairs
from tonearm.models.musicnn.filter_banks import FilterBank, affine, filter_banks
from tonearm.models.musicnn.filter_inputs import FilterInputs
from tonearm.models.musicnn.network import MiddleLayer, Musicnn
from tonearm.models.side_by_side import Result, side_by_side


class FusedMusicnn(nn.Module):
    """Several Musicnn networks whose front filters share convolutions; see :class:`FilterBank`.

    Args:
        networks: Pruned or not, in evaluation mode.
        frames: Length of a patch.
        bands: Height of a patch.
        rounded: Whether filters are rounded to bfloat16, for an engine that multiplies so; but the shortest
            ones of one band.
    """

    def __init__(self, networks: Sequence[Musicnn], frames: int, bands: int, *, rounded: bool) -> None:
        super().__init__()
        banks = filter_banks(networks, frames, rounded=rounded)
        self.fronts = nn.ModuleList(
            _Front(bank, len(networks), bands, in_bfloat16, rounded=rounded) for bank, in_bfloat16 in banks
        )
        self.backs = nn.ModuleList(
            _Back(network, torch.cat([bank.channel[bank.network == number] for bank, _ in banks]))
            for number, network in enumerate(networks)
        )

    def forward(self, *parts: Tensor) -> Result:
        """Map :class:`FilterInputs`, part by part, to all scores and embeddings, side by side."""
        inputs = FilterInputs(*parts)
        by_front = [front(inputs) for front in self.fronts]
        by_network = [torch.cat(parts, dim=1) for parts in zip(*by_front, strict=True)]
        return side_by_side([back(front) for back, front in zip(self.backs, by_network, strict=True)])


class _Front(nn.Module):
    """One bank of front filters, up to their batch norm."""

    direction: Tensor
    offset: Tensor
    scale: Tensor
    shift: Tensor

    def __init__(
        self, bank: FilterBank, networks: int, bands: int, in_bfloat16: bool, *, rounded: bool
    ) -> None:
        super().__init__()
        self.networks = networks
        self.sizes = bank.network.bincount(minlength=networks).tolist()
        self.band_maximum: nn.Module
        if bank.kernels.shape[3] > 1:
            self.band_maximum = BandMaximumByBandPairs(bank.kernels, bands, rounded=in_bfloat16)
        elif in_bfloat16:
            self.band_maximum = BandMaximumByFramePairs(bank.kernels)
        else:
            self.band_maximum = BandMaximum(bank.kernels, rounded=rounded)
        self.register_buffer("offset", bank.offset.float())
        for name, tensor in [("direction", bank.direction), ("scale", bank.scale), ("shift", bank.shift)]:
            self.register_buffer(name, tensor[:, None].float())

    def forward(self, inputs: FilterInputs) -> tuple[Tensor, ...]:
        """Map the inputs to ``[batch, channels, frames]`` for each network."""
        response = (self.band_maximum(inputs) * self.direction + self.offset).relu()
        return (response * self.scale + self.shift).split(self.sizes, dim=1)[: self.networks]


class _Back(nn.Module):
    """Everything behind a network's front branches.

    The dense layers are convolutions over one frame, and the batch norms before them are part of their
    weights. OpenVINO would do the same, but what it joins forgets that it should stay precise in a bfloat16
    run (``openvino_graph``).

    Args:
        network: In evaluation mode.
        order: Which of its front channels comes at each place, ``[front channels]``.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, network: Musicnn, order: Tensor) -> None:
        super().__init__()
        self.middle = _reordered(network.middle, order)
        order = torch.cat([order, torch.arange(len(order), network.dense.in_features // 2)])
        pooled = torch.stack([2 * order, 2 * order + 1], dim=1).flatten()  # maximum and mean side by side
        self.dense = _behind(network.pooled_norm, network.dense, pooled)
        self.output = _behind(network.dense_norm, network.output)
        for name, tensor in zip(("scale", "shift"), affine(network.dense_norm), strict=True):
            self.register_buffer(name, tensor.float())

    def forward(self, front: Tensor) -> Result:
        """Map ``[batch, channels, frames]`` to scores and embeddings, see :class:`Musicnn`."""
        first = self.middle[0](front)
        second = self.middle[1](first) + first
        third = self.middle[2](second) + second
        features = torch.cat([front, first, second, third], dim=1)
        pooled = torch.stack([features.amax(dim=2), features.mean(dim=2)], dim=2)
        hidden = self.dense(pooled.reshape(-1, 2 * features.shape[1], 1)).relu()
        scores = self.output(hidden).sigmoid().reshape(-1, self.output.out_channels)
        return scores, hidden.reshape(-1, self.dense.out_channels) * self.scale + self.shift


def _reordered(middle: nn.ModuleList, order: Tensor) -> nn.ModuleList:
    """The middle layers, the first of which takes front channels in another order."""
    middle = copy.deepcopy(middle)
    first = cast(MiddleLayer, middle[0]).conv
    first.weight.data = first.weight.data[:, order]
    return middle


def _behind(norm: nn.BatchNorm1d, linear: nn.Linear, order: Tensor | slice = slice(None)) -> nn.Conv1d:
    """A linear layer with the batch norm before it, as a convolution over one frame.

    Args:
        norm: The batch norm.
        linear: The linear layer.
        order: Which of the inputs comes at each place.
    """
    scale, shift = affine(norm)
    weight = linear.weight.double()
    joined = nn.Conv1d(linear.in_features, linear.out_features, 1)
    joined.weight.data = (weight * scale)[:, order].unsqueeze(2).float()
    joined.bias = nn.Parameter((linear.bias.double() + weight @ shift).float())
    return joined.requires_grad_(False)
