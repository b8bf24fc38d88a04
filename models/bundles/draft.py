"""What a new bundle is made of, before it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tonearm.models.bundles.calibration import Calibration
from tonearm.models.bundles.tagger import Selection
from tonearm.models.bundles.weights import Weights
from tonearm.models.front_end import FrontEnd

Json = Any
"""What JSON can say: dictionaries, lists, text, finite numbers, booleans, None."""


class Output(NamedTuple):
    """One unit of a network.

    Attributes:
        label: The word of the training data.
        tag: The catalog's word.
    """

    label: str
    tag: str


@dataclass(frozen=True, slots=True)
class NetworkDraft:
    """One trained network.

    Attributes:
        name: Short name; its weights file is called so, too.
        architecture: Key of ``ARCHITECTURES``.
        weights: See :func:`tonearm.models.bundles.weights.weights_of`.
        outputs: Its units, in their order.
        about: What else ``bundle.json`` is to say of it, such as what it was trained on.
    """

    name: str
    architecture: str
    weights: Weights
    outputs: tuple[Output, ...]
    about: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TagDraft:
    """How one tag is scored and selected; see :class:`tonearm.models.bundles.tagger.TagRule`.

    Attributes:
        tag: The catalog's word.
        facet: One of ``FACETS``.
        threshold: Track score, or probability if there is a calibration, from which the tag is selected.
        merge: Rule for several units with this tag: a key of ``MERGES``.
        calibration: The way from its scores to probabilities, if one was fitted.
    """

    tag: str
    facet: str
    threshold: float
    merge: str = "max"
    calibration: Calibration | None = None


@dataclass(frozen=True, slots=True)
class BundleDraft:
    """Everything that a bundle is to hold.

    Attributes:
        name: The tagger's name.
        version: Changes whenever scores or selection do.
        description: One sentence for people.
        front_end: The settings that the networks were trained with.
        networks: The trained networks; the scores of all lie side by side in this order.
        tags: All tags that the units name.
        selection: How many tags a facet gets, and which exclude each other.
        sections: Further parts of ``bundle.json`` by their keys: where the bundle comes from, how good it is.
            Nothing reads them to tag.
        texts: Further files by their names: ``README.md``, licences.
    """

    name: str
    version: str
    description: str
    front_end: FrontEnd
    networks: tuple[NetworkDraft, ...]
    tags: tuple[TagDraft, ...]
    selection: Selection
    sections: Mapping[str, Json] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
