"""Front filters of several networks, gathered in banks: one for each convolution that an engine runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from tonearm.models.musicnn.network import FrontBranch, Musicnn, pad_same
from tonearm.models.musicnn.sizes import FRONT_KERNELS

_BLOCK = 16
"""Channels that a convolution computes at once with AVX-512; less than a block costs more than one."""


class FilterBank(NamedTuple):
    """Filters of one size, sorted by network; every tensor begins with the axis of the filters.

    Two things keep the networks' filters from being one convolution with all of them. Both are affine and
    move behind it: each network normalizes the spectrogram in its own way, and then pads time with zeros,
    which before its normalization would be other values::

        conv(pad(gain x + shift), w) = conv(pad(x), gain w) + shift conv(pad(1), w)

    The last term depends on channel and frame, not on the band, so it is added after the maximum over bands.

    Attributes:
        kernels: Respond to the raw spectrogram, ``[filters, 1, frames, bands]``, float64: rounded once at the
            end, scores stay closer.
        offset: What their strongest response lacks, ``[filters, patch frames]``.
        direction: 1, or -1 where the batch norm turns the strongest response into the weakest; 0 for a filter
            that only fills a block.
        scale: Of the batch norm behind.
        shift: Of the batch norm behind.
        network: Whose filter it is; the number of networks for one that only fills a block.
        channel: Which one of that network's front channels.
    """

    kernels: Tensor
    offset: Tensor
    direction: Tensor
    scale: Tensor
    shift: Tensor
    network: Tensor
    channel: Tensor

    @property
    def filters(self) -> int:
        """How many there are."""
        return len(self.kernels)


def filter_banks(networks: Sequence[Musicnn], frames: int, *, rounded: bool) -> list[tuple[FilterBank, bool]]:
    """Gather all front filters in banks.

    Args:
        networks: In evaluation mode.
        frames: Length of a patch.
        rounded: Whether the engine multiplies in bfloat16 wherever it may.

    Returns:
        Banks, and whether each may be multiplied in bfloat16: all but the shortest filters of one band, whose
        few weights bear no rounding (it moves a patch by 3.8e-3). All blocks are full: the layers behind a
        convolution take up to five times as long over 15 channels as over 16, whose rows begin where a cache
        line does.
    """
    narrow, wide, *temporal = (_branch(networks, index, frames) for index in range(len(FRONT_KERNELS)))
    if rounded:
        *long, short = temporal
        banks = [*((bank, True) for bank in (narrow, wide, *_filled(long))), (short, False)]
    else:
        banks = [(bank, False) for bank in (narrow, wide, *_filled(temporal))]
    return [(_in_whole_blocks(bank, len(networks)), may_be) for bank, may_be in banks if bank.filters]


def _filled(banks: Sequence[FilterBank]) -> list[FilterBank]:
    """Give filters of a block that is not full to the next longer ones, as many as their last block takes.

    Args:
        banks: Of filters of one band, the longest filters first.
    """
    filled = [banks[0]]
    for bank in banks[1:]:
        excess = bank.filters % _BLOCK
        room = -filled[-1].filters % _BLOCK
        kept = bank.filters - min(excess, room)
        filled[-1] = _joined(filled[-1], _part(bank, slice(kept, None)))
        filled.append(_part(bank, slice(kept)))
    return filled


def _in_whole_blocks(bank: FilterBank, nobody: int) -> FilterBank:
    """The bank with as many filters of zeros behind its own as its last block has room for."""
    room = -bank.filters % _BLOCK
    filled = FilterBank(*(torch.cat([tensor, tensor.new_zeros(room, *tensor.shape[1:])]) for tensor in bank))
    filled.network[bank.filters :] = nobody
    return filled


def _part(bank: FilterBank, filters: slice) -> FilterBank:
    """Some of the filters, by their places."""
    return FilterBank(*(tensor[filters] for tensor in bank))


def _joined(longer: FilterBank, shorter: FilterBank) -> FilterBank:
    """All filters at the length of the longer ones."""
    frames, few = longer.kernels.shape[2], shorter.kernels.shape[2]
    before, after = (frames - 1) // 2 - (few - 1) // 2, frames // 2 - few // 2
    shorter = shorter._replace(kernels=functional.pad(shorter.kernels, (0, 0, before, after)))
    joined = FilterBank(*(torch.cat(pair) for pair in zip(longer, shorter, strict=True)))
    return FilterBank(*(tensor[joined.network.argsort(stable=True)] for tensor in joined))


def _branch(networks: Sequence[Musicnn], index: int, frames: int) -> FilterBank:
    """One front branch of all networks."""
    parts = [_raw_filters(networks, number, index, frames) for number in range(len(networks))]
    return FilterBank(*(torch.cat(column) for column in zip(*parts, strict=True)))


def _raw_filters(networks: Sequence[Musicnn], number: int, index: int, frames: int) -> FilterBank:
    """A branch of one network."""
    network = networks[number]
    branches = cast(list[FrontBranch], list(network.front))
    conv, norm = branches[index].conv, branches[index].norm
    assert conv.bias is not None
    gain, level = affine(network.input_norm)
    scale, shift = affine(norm)
    weight, bias = conv.weight.double(), conv.bias.double()
    ones = torch.ones(1, 1, frames, weight.shape[3], dtype=torch.float64)
    padding = functional.conv2d(pad_same(ones, weight.shape[2]), weight)[0, :, :, 0]
    direction = scale.sign()
    first = sum(branch.conv.out_channels for branch in branches[:index])
    channel = torch.arange(first, first + len(weight))
    return FilterBank(
        kernels=weight * gain * direction[:, None, None, None],
        offset=level * padding + bias[:, None],
        direction=direction,
        scale=scale,
        shift=shift,
        network=torch.full_like(channel, number),
        channel=channel,
    )


def affine(norm: nn.BatchNorm1d | nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """The scale and the shift that a batch norm comes to, float64 ``[channels]`` each."""
    assert norm.running_var is not None and norm.running_mean is not None
    scale = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
    return scale, norm.bias.double() - norm.running_mean.double() * scale
