"""The musicnn architecture: a musically motivated CNN that tags three seconds of music.

The layers follow musicnn 0.1.0 (Jordi Pons, Universitat Pompeu Fabra, ISC licence), so that its trained
weights give its scores. This module is the networks' one definition; engines are traced or exported from it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from tonearm.models.musicnn.sizes import (
    EMBEDDING_SIZE,
    FRONT_CHANNELS,
    FRONT_KERNELS,
    MIDDLE_CHANNELS,
    MIDDLE_KERNEL,
    MIDDLE_LAYERS,
)
from tonearm.models.tagging_network import TaggingNetwork

NORM_EPSILON = 1e-3  # TensorFlow's default; PyTorch's 1e-5 moves scores by up to 0.36


def pad_same(frames: Tensor, kernel_frames: int) -> Tensor:
    """Pad time with zeros so that a convolution keeps its length, on the sides that TensorFlow chooses.

    An even kernel cannot be centred. TensorFlow puts the odd zero after the end::

        kernel of 4 frames:   0 | a b c d e | 0 0        (4 - 1) // 2 = 1 before, 4 // 2 = 2 after
                              [-------]                  first output
                                        [-------]        last output

    The other side shifts every feature by one frame, which moves scores by up to 0.2.

    Args:
        frames: ``[batch, channels, frames, bands]``.
        kernel_frames: Length of the kernel over time, in frames.

    Returns:
        ``[batch, channels, frames + kernel_frames - 1, bands]``.
    """
    return functional.pad(frames, (0, 0, (kernel_frames - 1) // 2, kernel_frames // 2))


class FrontBranch(nn.Module):
    """One shape of spectrogram filter: convolution, ReLU, batch norm, maximum over the bands.

    ReLU and batch norm act on each value alone and in one direction, so the maximum over the bands may be
    taken before them, where they then have some fifty times fewer values to work on. A channel whose batch
    norm has a negative scale needs the minimum instead, which is the maximum of the negated convolution::

        scale > 0:  max(scale * relu(x) + shift) = scale * relu( max( x)) + shift
        scale < 0:  max(scale * relu(x) + shift) = scale * relu(-max(-x)) + shift

    Negating and taking a maximum do not round, so the result is the textbook order's to the last bit or two.

    Args:
        channels: Number of filters.
        kernel: Height and width of a filter, in frames and bands.
    """

    def __init__(self, channels: int, kernel: tuple[int, int]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, channels, kernel)
        self.norm = nn.BatchNorm1d(channels, eps=NORM_EPSILON)

    def forward(self, spectrogram: Tensor) -> Tensor:
        """Filter a spectrogram.

        Args:
            spectrogram: ``[batch, 1, frames, bands]``.

        Returns:
            ``[batch, channels, frames]``.
        """
        assert self.conv.bias is not None
        direction = self.norm.weight.sign()
        response = functional.conv2d(
            pad_same(spectrogram, self.conv.kernel_size[0]),
            self.conv.weight * direction[:, None, None, None],
            self.conv.bias * direction,
        )
        strongest: Tensor = response.amax(dim=3) * direction[:, None]
        normalized: Tensor = self.norm(strongest.relu())
        return normalized


class MiddleLayer(nn.Module):
    """Convolution over time on all channels at once, ReLU, batch norm; the length stays.

    Args:
        input_channels: Number of channels that come in.
    """

    def __init__(self, input_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(input_channels, MIDDLE_CHANNELS, MIDDLE_KERNEL, padding=MIDDLE_KERNEL // 2)
        self.norm = nn.BatchNorm1d(MIDDLE_CHANNELS, eps=NORM_EPSILON)

    def forward(self, features: Tensor) -> Tensor:
        """Map ``[batch, channels, frames]`` to ``[batch, 64, frames]``."""
        normalized: Tensor = self.norm(self.conv(features).relu())
        return normalized


class Musicnn(TaggingNetwork):
    """Tags patches of a log-mel spectrogram; for inference, so without the original's dropout.

    Args:
        units: Size of the vocabulary.
        front_channels: Number of filters in each front branch; fewer once they are pruned.

    Example:
        >>> network = Musicnn(units=50).eval()
        >>> scores, embedding = network(torch.zeros(4, 187, 96))
        >>> scores.shape, embedding.shape
        (torch.Size([4, 50]), torch.Size([4, 200]))
    """

    def __init__(self, units: int, front_channels: Sequence[int] = FRONT_CHANNELS) -> None:
        super().__init__()
        front_size = sum(front_channels)
        pooled_size = 2 * (front_size + MIDDLE_LAYERS * MIDDLE_CHANNELS)
        self.input_norm = nn.BatchNorm2d(1, eps=NORM_EPSILON)
        self.front = nn.ModuleList(
            FrontBranch(channels, kernel)
            for channels, kernel in zip(front_channels, FRONT_KERNELS, strict=True)
        )
        self.middle = nn.ModuleList(
            [MiddleLayer(front_size), MiddleLayer(MIDDLE_CHANNELS), MiddleLayer(MIDDLE_CHANNELS)]
        )
        self.pooled_norm = nn.BatchNorm1d(pooled_size, eps=NORM_EPSILON)
        self.dense = nn.Linear(pooled_size, EMBEDDING_SIZE)
        self.dense_norm = nn.BatchNorm1d(EMBEDDING_SIZE, eps=NORM_EPSILON)
        self.output = nn.Linear(EMBEDDING_SIZE, units)

    def embedding_of(self, patches: Tensor) -> Tensor:
        """See :class:`TaggingNetwork`; patches of 187 frames and 96 bands to ``[batch, 200]``."""
        return self.embed(self.features(patches))

    def features(self, patches: Tensor) -> Tensor:
        """Describe every frame: the front branches beside the middle layers, ``[batch, 753, frames]``."""
        spectrogram = self.input_norm(patches.unsqueeze(1))
        front = torch.cat([branch(spectrogram) for branch in self.front], dim=1)
        first = self.middle[0](front)
        second = self.middle[1](first) + first
        third = self.middle[2](second) + second
        return torch.cat([front, first, second, third], dim=1)

    def embed(self, features: Tensor) -> Tensor:
        """Sum the frames up: maximum and mean of each channel side by side, then the dense layer.

        The two are interleaved (max 0, mean 0, max 1, mean 1, ...), as the original flattens them.
        """
        pooled = torch.stack([features.amax(dim=2), features.mean(dim=2)], dim=2).flatten(start_dim=1)
        embedding: Tensor = self.dense_norm(self.dense(self.pooled_norm(pooled)).relu())
        return embedding
