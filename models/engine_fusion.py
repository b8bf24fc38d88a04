"""All networks of a tagger as one module, arranged for engines: the same scores, for less work."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.engine_filters import Halve, Halves, Strongest, StrongestByPairs
from models.musicnn import FRONT_KERNELS, FrontBranch, Musicnn, pad_same

Result = tuple[Tensor, Tensor]


def fuse(networks: Sequence[nn.Module], frames: int, bands: int, *, rounded: bool = False) -> nn.Module:
    """Join networks into one module with the same scores.

    Args:
        networks: In the order of their outputs, in evaluation mode.
        frames: Length of a patch.
        bands: Height of a patch.
        rounded: Whether the engine will multiply in bfloat16 where this module leaves it to.

    Returns:
        A module from patches ``[batch, frames, bands]`` to all scores and all embeddings, side by side.
    """
    musicnns = [network for network in networks if isinstance(network, Musicnn)]
    fits = len(musicnns) == len(networks)
    return (FusedMusicnn(musicnns, frames, bands, rounded=rounded) if fits else SideBySide(networks)).eval()


class SideBySide(nn.Module):
    """Runs any networks on the same patches and puts their results side by side.

    Args:
        networks: Each maps patches to scores and an embedding.
    """

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def forward(self, patches: Tensor) -> Result:
        """Map ``[batch, frames, bands]`` to scores ``[batch, outputs]`` and embeddings ``[batch, dim]``."""
        return _side_by_side([network(patches) for network in self.networks])


class FusedMusicnn(nn.Module):
    """Several Musicnn networks that share the convolutions over their input.

    Two things stand between the networks' filters and one convolution with all of them. Both are affine and
    move behind it: each network normalizes the spectrogram in its own way, and then pads time with zeros,
    which before its normalization would be other values::

        conv(pad(gain x + shift), w) = conv(pad(x), gain w) + shift conv(pad(1), w)

    The last term depends on channel and frame, not on the band, so it is added after the maximum over bands.

    Args:
        networks: Pruned or not, in evaluation mode.
        frames: Length of a patch.
        bands: Height of a patch.
        rounded: Whether filters of many bands are rounded to bfloat16, for an engine that multiplies so.
    """

    def __init__(self, networks: Sequence[Musicnn], frames: int, bands: int, *, rounded: bool) -> None:
        super().__init__()
        self.halve = Halve()
        self.branches = nn.ModuleList(
            _FusedBranch(networks, index, frames, bands, rounded=rounded)
            for index in range(len(FRONT_KERNELS))
        )
        self.backs = nn.ModuleList(_Back(network) for network in networks)

    def forward(self, patches: Tensor) -> Result:
        """Map ``[batch, frames, bands]`` to scores ``[batch, outputs]`` and embeddings ``[batch, dim]``."""
        spectrogram = patches.reshape(-1, 1, *patches.shape[1:])
        split = self.halve(spectrogram)
        by_branch = [branch(spectrogram, split) for branch in self.branches]
        by_network = [torch.cat(parts, dim=1) for parts in zip(*by_branch, strict=True)]
        return _side_by_side([back(front) for back, front in zip(self.backs, by_network, strict=True)])


class _FusedBranch(nn.Module):
    """One front branch of all networks; see :class:`FusedMusicnn`."""

    direction: Tensor
    offset: Tensor
    scale: Tensor
    shift: Tensor

    def __init__(
        self, networks: Sequence[Musicnn], index: int, frames: int, bands: int, *, rounded: bool
    ) -> None:
        super().__init__()
        parts = [_raw_filters(network, index, frames) for network in networks]
        kernels, offset, direction, scale, shift = (torch.cat(column) for column in zip(*parts, strict=True))
        self.sizes = [len(part[0]) for part in parts]
        self.kernel_frames, kernel_bands = kernels.shape[2:]
        self.strongest: nn.Module
        if kernel_bands == 1:
            self.strongest = Strongest(kernels, rounded=rounded)
        else:
            self.strongest = StrongestByPairs(kernels, bands, rounded=rounded)
        self.register_buffer("offset", offset.float())
        for name, tensor in [("direction", direction), ("scale", scale), ("shift", shift)]:
            self.register_buffer(name, tensor[:, None].float())

    def forward(self, spectrogram: Tensor, split: Halves) -> tuple[Tensor, ...]:
        """Map ``[batch, 1, frames, bands]`` to ``[batch, channels, frames]`` for each network.

        Args:
            spectrogram: Whole, for filters of one band.
            split: The halves of it, for the others.
        """
        if isinstance(self.strongest, StrongestByPairs):
            strongest = self.strongest(split)
        else:
            strongest = self.strongest(pad_same(spectrogram, self.kernel_frames))
        heard = (strongest * self.direction + self.offset).relu()
        return (heard * self.scale + self.shift).split(self.sizes, dim=1)


def _raw_filters(network: Musicnn, index: int, frames: int) -> tuple[Tensor, ...]:
    """A branch's filters for the raw spectrogram, in float64: rounded once at the end, scores stay closer.

    Returns:
        Kernels ``[channels, 1, frames, bands]`` that respond to the raw spectrogram; what their strongest
        response lacks, ``[channels, frames]``; and by channel the direction of the extremum, the scale and
        the shift of the batch norm.
    """
    branch = network.front[index]
    assert isinstance(branch, FrontBranch) and branch.conv.bias is not None
    gain, level = _affine(network.input_norm)
    scale, shift = _affine(branch.norm)
    weight, bias = branch.conv.weight.double(), branch.conv.bias.double()
    ones = torch.ones(1, 1, frames, weight.shape[3], dtype=torch.float64)
    padding = functional.conv2d(pad_same(ones, weight.shape[2]), weight)[0, :, :, 0]
    offset = level * padding + bias[:, None]
    direction = scale.sign()
    return weight * gain * direction[:, None, None, None], offset, direction, scale, shift


def _affine(norm: nn.BatchNorm1d | nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """The scale and the shift that a batch norm comes to, float64 ``[channels]`` each."""
    assert norm.running_var is not None and norm.running_mean is not None
    scale = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
    return scale, norm.bias.double() - norm.running_mean.double() * scale


class _Back(nn.Module):
    """Everything behind a network's front branches.

    The dense layers are convolutions over one frame, and the batch norms before them are part of their
    weights. OpenVINO would do the same, but what it joins forgets that it should stay precise in a bfloat16
    run (``engine_openvino``).

    Args:
        network: In evaluation mode.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, network: Musicnn) -> None:
        super().__init__()
        self.middle = network.middle
        self.dense = _behind(network.pooled_norm, network.dense)
        self.output = _behind(network.dense_norm, network.output)
        for name, tensor in zip(("scale", "shift"), _affine(network.dense_norm), strict=True):
            self.register_buffer(name, tensor.float())

    def forward(self, front: Tensor) -> Result:
        """Map ``[batch, channels, frames]`` to scores and embeddings, see :class:`models.musicnn.Musicnn`."""
        first = self.middle[0](front)
        second = self.middle[1](first) + first
        third = self.middle[2](second) + second
        features = torch.cat([front, first, second, third], dim=1)
        pooled = torch.stack([features.amax(dim=2), features.mean(dim=2)], dim=2)
        hidden = self.dense(pooled.reshape(-1, 2 * features.shape[1], 1)).relu()
        scores = self.output(hidden).sigmoid().reshape(-1, self.output.out_channels)
        return scores, hidden.reshape(-1, self.dense.out_channels) * self.scale + self.shift


def _behind(norm: nn.BatchNorm1d, linear: nn.Linear) -> nn.Conv1d:
    """A linear layer with the batch norm before it, as a convolution over one frame."""
    scale, shift = _affine(norm)
    weight = linear.weight.double()
    joined = nn.Conv1d(linear.in_features, linear.out_features, 1)
    joined.weight.data = (weight * scale).unsqueeze(2).float()
    joined.bias = nn.Parameter((linear.bias.double() + weight @ shift).float())
    return joined.requires_grad_(False)


def _side_by_side(results: Sequence[Result]) -> Result:
    scores, embeddings = (torch.cat(column, dim=1) for column in zip(*results, strict=True))
    return scores, embeddings
