"""Runs any networks side by side, as one module: what an architecture gets that arranges nothing itself."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

Result = tuple[Tensor, Tensor]


class SideBySide(nn.Module):
    """Runs any networks on the same patches and puts their results side by side.

    Args:
        networks: Each maps patches to scores and an embedding.
    """

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def forward(self, patches: Tensor) -> Result:
        """Map ``[batch, frames, bands]`` to scores ``[batch, units]`` and embeddings ``[batch, dim]``."""
        return side_by_side([network(patches) for network in self.networks])


def side_by_side(results: Sequence[Result]) -> Result:
    """Put scores beside scores and embeddings beside embeddings."""
    scores, embeddings = (torch.cat(column, dim=1) for column in zip(*results, strict=True))
    return scores, embeddings
