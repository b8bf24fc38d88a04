"""A tagger: networks that share a front end, and the way from their units to facets and tags."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from tonearm.models.bundles.files import BundleError, read_bundle_file
from tonearm.models.bundles.weights import build_network, largest_file
from tonearm.models.front_end import FrontEnd
from tonearm.models.musicnn.network import EMBEDDING_SIZE, Musicnn
from tonearm.models.musicnn.pruning import LEAST_INFLUENCE, prune

FACETS = ("genre", "mood", "instrument", "voice", "era", "tempo")


@dataclass(frozen=True, slots=True)
class Network:
    """One CNN of a tagger.

    Attributes:
        name: Short name, as units refer to it.
        architecture: Key of ``weights.ARCHITECTURES``.
        weights_file: Name of the safetensors file in the bundle.
        weights_sha256: Hash that the file must have.
        units: Size of its vocabulary.
    """

    name: str
    architecture: str
    weights_file: str
    weights_sha256: str
    units: int


@dataclass(frozen=True, slots=True)
class Unit:
    """One sigmoid unit and what it means.

    Attributes:
        index: Place in the tagger's scores, counted over all networks.
        label: The word of the training data set.
        network: Name of the network that gives it.
        facet: One of ``FACETS``.
        tag: The catalog's word; several units may share one.
    """

    index: int
    label: str
    network: str
    facet: str
    tag: str


@dataclass(frozen=True, slots=True)
class TagRule:
    """How one canonical tag is scored and selected.

    Attributes:
        tag: The catalog's word.
        facet: One of ``FACETS``.
        merge: Rule that makes one patch score of several units: a key of ``tags.MERGES``.
        threshold: Track score from which the tag may be selected.
        units: Places of its units in the tagger's scores.
    """

    tag: str
    facet: str
    merge: str
    threshold: float
    units: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which of the tags above their thresholds are selected.

    Attributes:
        limits: The most tags that a facet gets.
        exclusive: Groups of opposing sides; only the strongest side of a group may be selected.
    """

    limits: Mapping[str, int]
    exclusive: tuple[tuple[tuple[str, ...], ...], ...]


@dataclass(frozen=True, slots=True)
class Tagger:
    """A loaded and verified bundle; small, picklable, without weights (see ``build_networks``).

    Attributes:
        name: The tagger's name.
        version: Changes whenever scores or selection do.
        description: One sentence for people.
        folder: Where the bundle was read from.
        bundle_hash: SHA-256 of ``bundle.json``, which holds the weights' hashes: names the content exactly.
        front_end: The settings that the networks were trained with.
        networks: In the order of their units.
        units: Every unit of every network, in the order of the score columns.
        tags: The canonical tags.
        selection: The rule over all tags.
    """

    name: str
    version: str
    description: str
    folder: str
    bundle_hash: str
    front_end: FrontEnd
    networks: tuple[Network, ...]
    units: tuple[Unit, ...]
    tags: tuple[TagRule, ...]
    selection: Selection

    @property
    def identity(self) -> str:
        """``name@version``, the ``tagger`` column of every table."""
        return f"{self.name}@{self.version}"

    @property
    def embedding_dim(self) -> int:
        """Length of the embeddings of all networks side by side."""
        return EMBEDDING_SIZE * len(self.networks)

    def build_networks(self, *, least_influence: float = LEAST_INFLUENCE) -> list[nn.Module]:
        """Read the weights and build the networks.

        Args:
            least_influence: Leave out filters with less (:func:`influence`): the same scores to
                3e-6, for less work. 0 leaves the networks as they were trained.

        Returns:
            The networks in order, in evaluation mode, float32, on the CPU.

        Raises:
            BundleError: If the weights cannot be read or are not those that ``bundle.json`` names.
        """
        networks = [self._build(network) for network in self.networks]
        if not least_influence:
            return networks
        return [
            prune(network, least_influence) if isinstance(network, Musicnn) else network
            for network in networks
        ]

    def _build(self, network: Network) -> nn.Module:
        limit = largest_file(network.architecture, network.units)
        content = read_bundle_file(self.folder, network.weights_file, limit=limit)
        if hashlib.sha256(content).hexdigest() != network.weights_sha256:
            raise BundleError(
                f"{network.weights_file} of the tagger at {self.folder} is not what bundle.json names: "
                "its SHA-256 differs. Copy the bundle again; if you changed the weights, enter the new hash."
            )
        return build_network(content, network.architecture, network.units)
