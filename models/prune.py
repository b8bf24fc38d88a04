"""Removes the filters that training switched off, so that the same scores cost a fraction of the work.

Weight decay drove the kernels of most spectrogram filters to zero: of MSD_musicnn's 408 timbral filters some
36 respond to their input at all. The others put out a constant, whatever they hear. A constant needs no
convolution, so it is folded into the layers behind it and the filter goes.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor

from models.musicnn import MIDDLE_CHANNELS, MIDDLE_LAYERS, FrontBranch, Musicnn

Tensors = dict[str, Any]  # a state dict

# The most that a filter's output may move, per unit of normalized input, to count as constant. Layers behind
# it amplify what is left; on real music scores then move by less than 1e-6 (tests/models/test_prune.py).
CONSTANT_TOLERANCE = 1e-4


def prune(network: Musicnn) -> Musicnn:
    """Build a smaller network that gives the same scores and embeddings.

    To the next convolution all constant channels together are what one channel of ones would be, also at the
    edges, where zero padding cuts in. So one filter is made to give those ones, in the cheapest branch::

        conv(live, constants) = conv(live, ones),  weight of ones = sum of weight x constant

    Behind the pooling over time a constant is its own maximum and mean; it goes into the dense layer's bias.

    Args:
        network: In evaluation mode; stays as it is.

    Returns:
        A network of the same class with fewer front filters, in evaluation mode.
    """
    tensors = network.state_dict()
    branches = cast(list[FrontBranch], list(network.front))
    live_filters = [responds(branch) for branch in branches]
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

    widths = [len(tensors[f"front.{index}.conv.bias"]) for index in range(len(branches))]
    small = Musicnn(network.output.out_features, widths)
    small.load_state_dict(tensors)
    return small.eval().requires_grad_(False)


def responds(branch: FrontBranch) -> Tensor:
    """Tell which filters respond to their input, ``[channels]``, boolean.

    For a unit of input an output moves by no more than its kernel's absolute sum times the batch norm's gain.
    """
    tensors = branch.state_dict()
    gain = tensors["norm.weight"] / (tensors["norm.running_var"] + branch.norm.eps).sqrt()
    reach: Tensor = tensors["conv.weight"].abs().sum(dim=(1, 2, 3)) * gain.abs()
    return reach > CONSTANT_TOLERANCE


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
    kept = torch.cat([live, middle]).repeat_interleave(2)  # a channel's maximum and mean stand side by side
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
