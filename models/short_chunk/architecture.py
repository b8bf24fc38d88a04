"""What bundles and engines ask of short-chunk networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

from tonearm.models.architecture import Architecture, norm_shapes
from tonearm.models.front_end import FrontEnd, FrontEndError
from tonearm.models.short_chunk.sizes import (
    BLOCK_CHANNELS,
    EMBEDDING_SIZE,
    KERNEL,
    SHORTEST_AXIS,
    STEM_CHANNELS,
    STEM_KERNEL,
)

if TYPE_CHECKING:
    from torch import nn

    from tonearm.models.short_chunk.network import ShortChunk
    from tonearm.models.tagging_network import TaggingNetwork


class ShortChunkArchitecture(Architecture):
    """The network of :mod:`.network`."""

    name = "short_chunk"
    embedding_size = EMBEDDING_SIZE
    bears_bfloat16 = False
    """A score would move by up to 4e-2; the layers that move none by more than 2e-3 are 7 % of the work
    (``benchmarks/README.md``)."""

    def require_front_end(self, front_end: FrontEnd) -> None:
        """See :class:`Architecture`."""
        for setting in ("patch_frames", "mel_bands"):
            if getattr(front_end, setting) < SHORTEST_AXIS:
                raise FrontEndError(setting, f"{SHORTEST_AXIS} or more")

    def tensor_shapes(self, units: int) -> Mapping[str, tuple[int, ...]]:
        """See :class:`Architecture`."""
        shapes = norm_shapes("input_norm", 1) | _convolution("stem", 1, STEM_CHANNELS, STEM_KERNEL)
        input_channels = STEM_CHANNELS
        for index, channels in enumerate(BLOCK_CHANNELS):
            block = f"blocks.{index}"
            shapes |= _convolution(f"{block}.first", input_channels, channels, KERNEL)
            shapes |= _convolution(f"{block}.second", channels, channels, KERNEL)
            if input_channels != channels:
                shapes |= _convolution(f"{block}.shortcut", input_channels, channels, 1)
            input_channels = channels
        shapes |= {"dense.weight": (EMBEDDING_SIZE, 2 * input_channels), "dense.bias": (EMBEDDING_SIZE,)}
        shapes |= norm_shapes("dense_norm", EMBEDDING_SIZE)
        return shapes | {"output.weight": (units, EMBEDDING_SIZE), "output.bias": (units,)}

    def network(self, units: int) -> TaggingNetwork:
        """See :class:`Architecture`."""
        from tonearm.models.short_chunk.network import ShortChunk

        return ShortChunk(units)

    def arrange(self, networks: Sequence[nn.Module], front_end: FrontEnd, *, rounded: bool) -> nn.Module:
        """Make the batch norms behind convolutions part of their weights."""
        from tonearm.models.short_chunk.folding import folded
        from tonearm.models.side_by_side import SideBySide

        return SideBySide([folded(cast("ShortChunk", network)) for network in networks])


def _convolution(layer: str, input_channels: int, channels: int, kernel: int) -> dict[str, tuple[int, ...]]:
    """A convolution without bias, and the batch norm behind it."""
    weights = {f"{layer}.conv.weight": (channels, input_channels, kernel, kernel)}
    return weights | norm_shapes(f"{layer}.norm", channels)
