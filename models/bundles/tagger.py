"""A tagger: networks that share a front end, and the way from their units to facets and tags."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tonearm.models.architectures import ARCHITECTURES
from tonearm.models.bundles.calibration import Calibration
from tonearm.models.bundles.files import BundleError, ReadFile, read_bundle_file, read_local_file
from tonearm.models.bundles.weights import Weights, build_network, largest_file, read_weights
from tonearm.models.front_end import FrontEnd

if TYPE_CHECKING:
    from tonearm.models.tagging_network import TaggingNetwork

FACETS = ("genre", "mood", "instrument", "voice", "era", "tempo")


@dataclass(frozen=True, slots=True)
class Network:
    """One CNN of a tagger.

    Attributes:
        name: Short name, as units refer to it.
        architecture: Key of ``ARCHITECTURES``.
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
        threshold: Track score from which the tag may be selected; a probability if there is a calibration.
        units: Places of its units in the tagger's scores.
        calibration: The way from its scores to probabilities, if one was fitted.
    """

    tag: str
    facet: str
    merge: str
    threshold: float
    units: tuple[int, ...]
    calibration: Calibration | None = None


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
        read: Reads the bundle's files.
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
    read: ReadFile = field(default=read_local_file, compare=False, repr=False)

    @property
    def identity(self) -> str:
        """``name@version``, the ``tagger`` column of every table."""
        return f"{self.name}@{self.version}"

    def check_weights(self) -> None:
        """Read all weights and check them, without torch.

        Raises:
            BundleError: If the weights cannot be read, are not those that ``bundle.json`` names, or do not
                fit the architecture.
        """
        for network in self.networks:
            self._read_weights(network)

    def build_network(self, network: Network) -> TaggingNetwork:
        """Read the weights of one of the networks and build it as it was trained.

        Returns:
            The network in evaluation mode, float32, on the CPU.

        Raises:
            BundleError: See :meth:`check_weights`.
        """
        architecture = ARCHITECTURES[network.architecture]
        return build_network(self._read_weights(network), architecture, network.units)

    def build_networks(self) -> list[TaggingNetwork]:
        """Build all networks, see :meth:`build_network`."""
        return [self.build_network(network) for network in self.networks]

    def _read_weights(self, network: Network) -> Weights:
        architecture = ARCHITECTURES[network.architecture]
        limit = largest_file(architecture, network.units)
        content = read_bundle_file(self.folder, network.weights_file, limit=limit, read=self.read)
        if hashlib.sha256(content).hexdigest() != network.weights_sha256:
            raise BundleError(
                f"{network.weights_file} of the tagger at {self.folder} is not what bundle.json names: "
                "its SHA-256 differs. Copy the bundle again; if you changed the weights, enter the new hash."
            )
        return read_weights(content, architecture, network.units)
