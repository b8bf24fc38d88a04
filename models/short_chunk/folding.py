"""Short-chunk networks for engines: the batch norms behind convolutions become part of their weights."""

from __future__ import annotations

import copy
from typing import cast

from torch import nn

from tonearm.models.short_chunk.network import NormedConvolution, ShortChunk


def folded(network: ShortChunk) -> ShortChunk:
    """A network that gives the same scores with fewer steps.

    A batch norm in evaluation mode scales and shifts each channel, as the convolution before it could. The
    first batch norm stays: it comes before a convolution that pads with zeros, and its shift would pad, too.

    Args:
        network: In evaluation mode; stays as it is.

    Returns:
        A copy whose convolutions have a bias and no batch norm behind them.
    """
    network = copy.deepcopy(network)
    for module in network.modules():
        if isinstance(module, NormedConvolution):
            module.conv, module.norm = _joined(module), cast(nn.BatchNorm2d, nn.Identity())
    return network


def _joined(layer: NormedConvolution) -> nn.Conv2d:
    """The convolution and its batch norm as one convolution, computed in float64."""
    norm, conv = layer.norm, copy.deepcopy(layer.conv)
    assert norm.running_mean is not None and norm.running_var is not None
    scale = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
    shift = norm.bias.double() - norm.running_mean.double() * scale
    conv.weight.data = (conv.weight.double() * scale[:, None, None, None]).float()
    conv.bias = nn.Parameter(shift.float())
    return conv.requires_grad_(False)
