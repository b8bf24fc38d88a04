"""The short-chunk CNN with residuals: 3 x 3 filters and pooling, block by block, until few values are left.

After the network of that name in Won, Ferraro, Bogdanov and Serra, "Evaluation of CNN-based automatic music
tagging models" (2020, arXiv:2006.00751), among the best of its comparison. To train on a CPU in minutes it is
smaller: the first layer has a stride, there are four blocks instead of seven, and they have fewer channels.
Two more things differ: maxima are taken between the blocks in place of strides inside them, and what is left
of time and bands is summed up by its maximum beside its mean.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from tonearm.models.short_chunk.sizes import (
    BLOCK_CHANNELS,
    EMBEDDING_SIZE,
    KERNEL,
    POOL,
    STEM_CHANNELS,
    STEM_KERNEL,
    STEM_STRIDE,
)
from tonearm.models.tagging_network import TaggingNetwork


class NormedConvolution(nn.Module):
    """A convolution padded with zeros, and the batch norm behind it.

    Args:
        input_channels: Number of channels that come in.
        channels: Number of filters.
        kernel: Frames and bands of a filter; odd.
        stride: Distance of the filter's places, in frames and bands.
    """

    def __init__(self, input_channels: int, channels: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            input_channels, channels, kernel, stride=stride, padding=kernel // 2, bias=False
        )
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, features: Tensor) -> Tensor:
        """Map ``[batch, input channels, frames, bands]`` to ``[batch, channels, frames, bands]``."""
        normalized: Tensor = self.norm(self.conv(features))
        return normalized


class ResidualBlock(nn.Module):
    """Two convolutions whose result is added to what came in, through a convolution if channels differ.

    Args:
        input_channels: Number of channels that come in.
        channels: Number of channels that go out.
    """

    def __init__(self, input_channels: int, channels: int) -> None:
        super().__init__()
        self.first = NormedConvolution(input_channels, channels, KERNEL)
        self.second = NormedConvolution(channels, channels, KERNEL)
        self.shortcut = (
            nn.Identity() if input_channels == channels else NormedConvolution(input_channels, channels, 1)
        )

    def forward(self, features: Tensor) -> Tensor:
        """Map ``[batch, input channels, frames, bands]`` to ``[batch, channels, frames, bands]``."""
        change: Tensor = self.second(self.first(features).relu())
        return (change + self.shortcut(features)).relu()


class ShortChunk(TaggingNetwork):
    """Tags patches of a log-mel spectrogram.

    Args:
        units: Size of the vocabulary.

    Example:
        >>> network = ShortChunk(units=11).eval()
        >>> scores, embedding = network(torch.zeros(4, 187, 96))
        >>> scores.shape, embedding.shape
        (torch.Size([4, 11]), torch.Size([4, 200]))
    """

    def __init__(self, units: int) -> None:
        super().__init__()
        self.input_norm = nn.BatchNorm2d(1)
        self.stem = NormedConvolution(1, STEM_CHANNELS, STEM_KERNEL, STEM_STRIDE)
        before = (STEM_CHANNELS, *BLOCK_CHANNELS[:-1])
        self.blocks = nn.ModuleList(
            ResidualBlock(input_channels, channels)
            for input_channels, channels in zip(before, BLOCK_CHANNELS, strict=True)
        )
        self.dense = nn.Linear(2 * BLOCK_CHANNELS[-1], EMBEDDING_SIZE)
        self.dense_norm = nn.BatchNorm1d(EMBEDDING_SIZE)
        self.output = nn.Linear(EMBEDDING_SIZE, units)
        # Channel beside channel in memory, as CPU kernels want them: a quarter less time in training.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def embedding_of(self, patches: Tensor) -> Tensor:
        """See :class:`TaggingNetwork`; patches of any size from ``SHORTEST_AXIS`` frames and bands on."""
        features = self.stem(self.input_norm(patches.unsqueeze(1))).relu()
        for block in self.blocks:
            features = block(functional.max_pool2d(features, POOL))
        pooled = torch.cat([features.amax(dim=(2, 3)), features.mean(dim=(2, 3))], dim=1)
        embedding: Tensor = self.dense_norm(self.dense(pooled)).relu()
        return embedding
