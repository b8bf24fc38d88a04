"""What learns: a network from scratch, a bundle's network as a whole, or its last layer alone."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import cast

import torch
from torch import Tensor, nn

from tonearm.errors import WrongCallError
from tonearm.learning.training.settings import random_numbers
from tonearm.models.architectures import ARCHITECTURES
from tonearm.models.bundles.tagger import Network, Tagger
from tonearm.models.engines.contract import Array
from tonearm.models.engines.shared import shared_engine
from tonearm.models.front_end import FrontEnd, FrontEndError
from tonearm.models.tagging_network import TaggingNetwork


class Tune(StrEnum):
    """Which weights learn."""

    SCRATCH = "scratch"
    """All, from random ones."""
    ALL = "all"
    """All, from those of a bundle."""
    HEAD = "head"
    """The last layer, on the embeddings of a bundle's network."""


class StartError(WrongCallError):
    """A training cannot begin with that network; the message says why."""


@dataclass(frozen=True, slots=True)
class Base:
    """The network that a training begins with, in a bundle.

    Attributes:
        tagger: The bundle; all of its weights were checked.
        network: Which of its networks.
    """

    tagger: Tagger
    network: Network


class Logits(nn.Module):
    """A network as training sees it: patches to logits, the last layer in float32 whatever else is rounded.

    Args:
        network: Whose weights are trained.
        dropout: Share of the embedding's values that are left out at random while it learns.
    """

    def __init__(self, network: TaggingNetwork, dropout: float) -> None:
        super().__init__()
        self.network = network
        self.dropout = nn.Dropout(dropout)

    def forward(self, patches: Tensor) -> Tensor:
        """Map ``[batch, frames, bands]`` to ``[batch, units]``."""
        embedding = self.network.embedding_of(patches)
        with torch.autocast(patches.device.type, enabled=False):
            return cast(Tensor, self.network.output(self.dropout(embedding.float())))


class Head(nn.Module):
    """The last layer of a network by itself: embeddings to logits.

    Args:
        output: The layer; it learns where it is, as a part of its network.
        dropout: See :class:`Logits`.
    """

    def __init__(self, output: nn.Linear, dropout: float) -> None:
        super().__init__()
        self.output = output
        self.dropout = nn.Dropout(dropout)

    def forward(self, embeddings: Tensor) -> Tensor:
        """Map ``[batch, size]`` to ``[batch, units]``."""
        with torch.autocast(embeddings.device.type, enabled=False):
            return cast(Tensor, self.output(self.dropout(embeddings)))


def embedder(base: Base, precision: str) -> Callable[[Array], Array]:
    """What computes a network's embeddings as fast as ingestion does: an engine, with this network alone.

    Args:
        base: The network.
        precision: Of the engine.

    Returns:
        Maps patches float32 [patches, frames, bands] to embeddings float32 [patches, size].
    """
    tagger, name = base.tagger, base.network.name
    alone = replace(
        tagger,
        # By this engines and exported graphs are told apart: it must not be the whole bundle's.
        bundle_hash=hashlib.sha256(f"{tagger.bundle_hash} {name}".encode()).hexdigest(),
        networks=(base.network,),
        units=tuple(unit for unit in tagger.units if unit.network == name),
    )
    engine = shared_engine(alone, precision)
    return lambda patches: engine.infer(patches)[1]


def base_of(tagger: Tagger, name: str | None, architecture: str | None) -> Base:
    """Choose a network of a bundle.

    Args:
        tagger: The bundle.
        name: Of the network; None if the bundle has one only.
        architecture: What it must be of; None for any.

    Raises:
        StartError: There is none such, or it is not said which.
    """
    names = ", ".join(network.name for network in tagger.networks)
    found = [network for network in tagger.networks if name in (None, network.name)]
    if len(found) != 1:
        raise StartError(f"name one of the bundle's networks with --network: {names}")
    if architecture not in (None, found[0].architecture):
        raise StartError(f"the network {found[0].name} is of the architecture {found[0].architecture}")
    return Base(tagger, found[0])


def require_front_end(architecture: str, base: Base | None, front_end: FrontEnd) -> None:
    """Check that patches of a data set are what the network takes.

    Raises:
        StartError: They were made with another front end than the bundle's, or do not fit the architecture.
    """
    if base and base.tagger.front_end != front_end:
        raise StartError(
            f"the data set was built with the front end {front_end.fingerprint}, and the bundle has "
            f"{base.tagger.front_end.fingerprint}: build the data set with `--tagger {base.tagger.folder}`"
        )
    try:
        ARCHITECTURES[architecture].require_front_end(front_end)
    except FrontEndError as error:
        raise StartError(
            f"the architecture {architecture} cannot take the data set's patches: {error.setting} must be "
            f"{error.expected}"
        ) from error


def starting_network(architecture: str, base: Base | None, units: int, seed: int) -> TaggingNetwork:
    """Build the network with which the training begins; its last layer is always a new one.

    Args:
        architecture: Of ``ARCHITECTURES``.
        base: Where all other weights are from; random ones if None.
        units: Labels to train.
        seed: Decides what is random.
    """
    torch.manual_seed(int(random_numbers(seed, "start").integers(2**62)))
    network = ARCHITECTURES[architecture].network(units)
    if base:
        weights = base.tagger.build_network(base.network).state_dict()
        network.load_state_dict(network.state_dict() | _without_output(weights))
    return network


def _without_output(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: values for name, values in weights.items() if not name.startswith("output.")}
