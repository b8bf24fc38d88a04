"""The networks of a tagger, arranged for engines: those of one architecture together, as one module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from tonearm.models.architecture import Architecture
from tonearm.models.architectures import ARCHITECTURES
from tonearm.models.bundles.tagger import Tagger
from tonearm.models.side_by_side import Result, side_by_side

Order = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class NetworkGroup:
    """A tagger's networks of one architecture.

    Attributes:
        architecture: Which one.
        places: Which of the tagger's networks.
    """

    architecture: Architecture
    places: tuple[int, ...]


def network_groups(tagger: Tagger) -> list[NetworkGroup]:
    """Group a tagger's networks by architecture, in the order in which the architectures first come."""
    names = [network.architecture for network in tagger.networks]
    return [
        NetworkGroup(ARCHITECTURES[name], tuple(place for place, each in enumerate(names) if each == name))
        for name in dict.fromkeys(names)
    ]


def arranged(tagger: Tagger, group: NetworkGroup, *, rounded: bool) -> nn.Module:
    """Read a group's weights and join its networks; see :meth:`Architecture.arrange`.

    Raises:
        BundleError: If the weights cannot be read.
    """
    networks = [tagger.build_network(tagger.networks[place]) for place in group.places]
    return group.architecture.arrange(networks, tagger.front_end, rounded=rounded).eval()


def column_orders(tagger: Tagger) -> tuple[Order, Order]:
    """Say how the groups' results, side by side, come into the order of the networks.

    Returns:
        For the scores and for the embeddings: the column that belongs at each place.
    """
    groups = [(group, place) for group in network_groups(tagger) for place in group.places]
    places = [place for _, place in groups]
    units = [tagger.networks[place].units for place in places]
    sizes = [group.architecture.embedding_size for group, _ in groups]
    scores, embeddings = (np.argsort(np.repeat(places, widths), kind="stable") for widths in (units, sizes))
    return scores, embeddings


class ArrangedTagger(nn.Module):
    """All networks of a tagger as one PyTorch module, from patches to scores.

    Args:
        tagger: Says where the weights are.
        rounded: As for :meth:`Architecture.arrange`.
    """

    score_order: Tensor
    embedding_order: Tensor

    def __init__(self, tagger: Tagger, *, rounded: bool = False) -> None:
        super().__init__()
        self.rounded = rounded
        self._architectures = [group.architecture for group in network_groups(tagger)]
        self.groups = nn.ModuleList(
            arranged(tagger, group, rounded=rounded) for group in network_groups(tagger)
        )
        for name, order in zip(("score_order", "embedding_order"), column_orders(tagger), strict=True):
            self.register_buffer(name, torch.from_numpy(order))

    def forward(self, patches: Tensor) -> Result:
        """Map ``[batch, frames, bands]`` to scores ``[batch, units]`` and embeddings ``[batch, dim]``."""
        results = [
            cast(Result, group(*architecture.engine_inputs(patches, rounded=self.rounded)))
            for architecture, group in zip(self._architectures, self.groups, strict=True)
        ]
        scores, embeddings = side_by_side(results)
        return scores[:, self.score_order], embeddings[:, self.embedding_order]
