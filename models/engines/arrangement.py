"""All networks of a tagger as one module, arranged for an engine: the same scores, for less work."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from tonearm.models.musicnn.fusion import FusedMusicnn
from tonearm.models.musicnn.network import Musicnn
from tonearm.models.side_by_side import SideBySide


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
