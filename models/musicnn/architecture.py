"""What bundles and engines ask of musicnn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

from tonearm.models.architecture import Architecture, norm_shapes
from tonearm.models.front_end import FrontEnd, FrontEndError
from tonearm.models.musicnn.sizes import (
    EMBEDDING_SIZE,
    FRONT_CHANNELS,
    FRONT_KERNELS,
    MIDDLE_CHANNELS,
    MIDDLE_KERNEL,
    MIDDLE_LAYERS,
)

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tonearm.models.musicnn.network import Musicnn
    from tonearm.models.tagging_network import TaggingNetwork

_FEWEST_BANDS = max(bands for _, bands in FRONT_KERNELS) + 1
"""The tallest filter takes 67 bands; even and odd bands go to an engine in pairs (:mod:`.band_maximum`)."""


class MusicnnArchitecture(Architecture):
    """The network of :mod:`.network`, pruned and with its front filters joined for engines."""

    name = "musicnn"
    embedding_size = EMBEDDING_SIZE

    def require_front_end(self, front_end: FrontEnd) -> None:
        """See :class:`Architecture`; patches may be of any length."""
        if front_end.mel_bands < _FEWEST_BANDS or front_end.mel_bands % 2:
            raise FrontEndError("mel_bands", f"an even number from {_FEWEST_BANDS} on")

    def tensor_shapes(self, units: int) -> Mapping[str, tuple[int, ...]]:
        """See :class:`Architecture`."""
        front_size = sum(FRONT_CHANNELS)
        pooled_size = 2 * (front_size + MIDDLE_LAYERS * MIDDLE_CHANNELS)
        shapes: dict[str, tuple[int, ...]] = norm_shapes("input_norm", 1)
        for index, (channels, kernel) in enumerate(zip(FRONT_CHANNELS, FRONT_KERNELS, strict=True)):
            shapes |= _convolution(f"front.{index}", (channels, 1, *kernel))
        for index in range(MIDDLE_LAYERS):
            channels = MIDDLE_CHANNELS if index else front_size
            shapes |= _convolution(f"middle.{index}", (MIDDLE_CHANNELS, channels, MIDDLE_KERNEL))
        shapes |= norm_shapes("pooled_norm", pooled_size) | _weights("dense", (EMBEDDING_SIZE, pooled_size))
        shapes |= norm_shapes("dense_norm", EMBEDDING_SIZE) | _weights("output", (units, EMBEDDING_SIZE))
        return shapes

    def network(self, units: int) -> TaggingNetwork:
        """See :class:`Architecture`."""
        from tonearm.models.musicnn.network import Musicnn

        return Musicnn(units)

    def engine_inputs(self, patches: Tensor, *, rounded: bool) -> tuple[Tensor, ...]:
        """Split patches into what several front filters share."""
        from tonearm.models.musicnn.filter_inputs import filter_inputs

        return tuple(filter_inputs(patches, rounded=rounded).parts())

    def arrange(self, networks: Sequence[nn.Module], front_end: FrontEnd, *, rounded: bool) -> nn.Module:
        """Prune the networks and join their front filters."""
        from tonearm.models.musicnn.fusion import FusedMusicnn
        from tonearm.models.musicnn.pruning import LEAST_INFLUENCE, LEAST_ROUNDED_INFLUENCE, prune

        least_influence = LEAST_ROUNDED_INFLUENCE if rounded else LEAST_INFLUENCE
        pruned = [prune(cast("Musicnn", network), least_influence) for network in networks]
        return FusedMusicnn(pruned, front_end.patch_frames, front_end.mel_bands, rounded=rounded).eval()

    def may_round(self, weights: Tensor | None) -> bool:
        """Let convolutions be rounded that span frames, and bands or channels, with kernels of bfloat16.

        Those are the kernels that were rounded with care (:mod:`.rounding`). Anything else in bfloat16 moves
        scores by up to 8e-3.
        """
        if weights is None or weights.ndim != 4:
            return False
        _, channels, frames, bands = weights.shape
        return frames > 1 and max(channels, bands) > 1 and weights.equal(weights.bfloat16().float())


def _convolution(layer: str, kernel: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """A convolution and the batch norm behind it."""
    return _weights(f"{layer}.conv", kernel) | norm_shapes(f"{layer}.norm", kernel[0])


def _weights(layer: str, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    return {f"{layer}.weight": shape, f"{layer}.bias": shape[:1]}
