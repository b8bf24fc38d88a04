"""Removes the filters that training switched off, so that the same scores cost a fraction of the work.

Weight decay drove the kernels of most spectrogram filters to zero: of MSD_musicnn's 408 timbral filters some
36 respond to their input at all. The others put out a constant, whatever they hear. A constant needs no
convolution, so it is folded into the layers behind it and the filter goes.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from tonearm.models.musicnn.network import FrontBranch, MiddleLayer, Musicnn
from tonearm.models.musicnn.sizes import MIDDLE_CHANNELS, MIDDLE_LAYERS

Tensors = dict[str, Any]  # a state dict

LEAST_INFLUENCE = 1e-5
"""A filter with less :func:`influence` counts as a constant: that moves scores of music by up to 3e-6."""

LEAST_ROUNDED_INFLUENCE = 5e-4
"""The same in bfloat16, where rounding moves scores anyway: by up to 1e-4. A higher one saves no block."""


def prune(network: Musicnn, least_influence: float = LEAST_INFLUENCE) -> Musicnn:
    """Build a smaller network that gives the same scores and embeddings.

    To the next convolution all constant channels together are what one channel of ones would be, also at the
    edges, where zero padding cuts in. So one filter is made to give those ones, in the cheapest branch::

        conv(live, constants) = conv(live, ones),  weight of ones = sum of weight x constant

    Behind the pooling over time a constant is its own maximum and mean; it goes into the dense layer's bias.

    Args:
        network: In evaluation mode; stays as it is.
        least_influence: Filters with less :func:`influence` count as constants.

    Returns:
        A network of the same class with fewer front filters, in evaluation mode.
    """
    tensors = network.state_dict()
    branches = cast(list[FrontBranch], list(network.front))
    widths = [branch.conv.out_channels for branch in branches]
    live_filters = list((influence(network) > least_influence).split(widths))
    for mask in live_filters:
        mask[0] |= not mask.any()  # a convolution needs a filter
    live = torch.cat(live_filters)
    constants = torch.cat([rest(branch) for branch in branches])[~live]
    for index, mask in enumerate(live_filters):
        _keep(tensors, f"front.{index}", mask)
    _append_ones_filter(tensors, f"front.{len(branches) - 1}")
    weight = tensors["middle.0.conv.weight"]
    ones = (weight[:, ~live] * constants[:, None]).sum(dim=1, keepdim=True)
    tensors["middle.0.conv.weight"] = torch.cat([weight[:, live], ones], dim=1)
    _fold_into_dense(network, tensors, live, constants)

    small_widths = [len(tensors[f"front.{index}.conv.bias"]) for index in range(len(branches))]
    small = Musicnn(network.output.out_features, small_widths)
    small.load_state_dict(tensors)
    return small.eval().requires_grad_(False)


def influence(network: Musicnn) -> Tensor:
    """Bound what each front filter contributes, ``[front filters]``: how far it moves a layer behind it.

    For a unit of normalized input a filter's output moves by no more than its kernel's absolute sum times the
    batch norm's gain; that moves a channel of the first middle layer, or of the dense layer through the
    pooled maximum and mean, by no more than the absolute sum of their weights times their gains.
    """
    reaches = []
    for branch in cast(list[FrontBranch], list(network.front)):
        kernels = branch.conv.weight.detach()
        reaches.append(kernels.abs().sum(dim=(1, 2, 3)) * _gain(branch.norm))
    reach = torch.cat(reaches)
    middle = network.middle[0]
    assert isinstance(middle, MiddleLayer)
    to_middle = middle.conv.weight.detach().abs().sum(dim=2) * _gain(middle.norm)[:, None]
    to_dense = network.dense.weight.detach().abs() * _gain(network.dense_norm)[:, None]
    to_dense = (to_dense * _gain(network.pooled_norm))[:, : 2 * len(reach)].unflatten(1, (-1, 2)).sum(dim=2)
    return reach * torch.cat([to_middle, to_dense]).amax(dim=0)


def _gain(norm: nn.BatchNorm1d) -> Tensor:
    assert norm.running_var is not None
    return (norm.weight.detach() / (norm.running_var + norm.eps).sqrt()).abs()


def rest(branch: FrontBranch) -> Tensor:
    """Tell what each filter puts out when nothing comes in, ``[channels]``."""
    output: Tensor = branch.norm(branch.state_dict()["conv.bias"].relu().unsqueeze(0))
    return output.squeeze(0)


def _names(tensors: Tensors, layer: str) -> list[str]:
    """The layer's tensors; the batch norms' counters, which have no axis, are left out."""
    return [name for name, tensor in tensors.items() if name.startswith(f"{layer}.") and tensor.ndim]


def _keep(tensors: Tensors, layer: str, channels: Tensor) -> None:
    for name in _names(tensors, layer):
        tensors[name] = tensors[name][channels]


def _append_ones_filter(tensors: Tensors, branch: str) -> None:
    """Add a filter that gives ones, whatever it hears: every tensor 0, but the batch norm's shift 1."""
    for name in _names(tensors, branch):
        value = 1.0 if name.endswith(("norm.bias", "running_var")) else 0.0
        row = tensors[name].new_full((1, *tensors[name].shape[1:]), value)
        tensors[name] = torch.cat([tensors[name], row])


def _fold_into_dense(network: Musicnn, tensors: Tensors, live: Tensor, constants: Tensor) -> None:
    """Move the pooled constants into the dense layer's bias, and give the ones channel no weight there."""
    middle = torch.ones(MIDDLE_LAYERS * MIDDLE_CHANNELS, dtype=torch.bool)
    kept = torch.cat([live, middle]).repeat_interleave(2)  # a channel's maximum and mean lie side by side
    pooled = torch.zeros(1, len(kept))
    pooled[:, ~kept] = constants.repeat_interleave(2)
    share = network.pooled_norm(pooled) * ~kept @ tensors["dense.weight"].T
    tensors["dense.bias"] = tensors["dense.bias"] + share.squeeze(0)

    ones = 2 * int(live.sum())  # place of the ones channel
    _keep(tensors, "pooled_norm", kept)
    for name in _names(tensors, "pooled_norm"):
        tensors[name] = _insert_pair(tensors[name], ones, value=1.0)
    tensors["dense.weight"] = _insert_pair(tensors["dense.weight"][:, kept], ones, value=0.0)


def _insert_pair(tensor: Tensor, place: int, *, value: float) -> Tensor:
    """Insert two elements of a value along the last axis."""
    pair = torch.full_like(tensor[..., :2], value)
    return torch.cat([tensor[..., :place], pair, tensor[..., place:]], dim=-1)
