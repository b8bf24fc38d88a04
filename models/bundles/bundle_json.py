"""Parses ``bundle.json`` into a tagger; each complaint names the place in the file."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any, TypeVar, cast

from tonearm.models.architectures import ARCHITECTURES
from tonearm.models.bundles.calibration import Calibration, IsotonicCalibration, PlattCalibration
from tonearm.models.bundles.files import BundleError
from tonearm.models.bundles.tagger import FACETS, Network, Selection, Tagger, TagRule, Unit
from tonearm.models.bundles.tags import MERGES
from tonearm.models.front_end import FrontEnd, FrontEndError

FORMAT = 1

_STEEPEST = 1e3
"""Of a logistic curve: beyond it a score's last bit would decide."""

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Node:
    """A value of the JSON document together with its place, for messages.

    Attributes:
        value: What ``json`` made of it.
        place: Such as ``bundle.json: networks[0].weights``.
    """

    value: Any
    place: str

    def fail(self, complaint: str) -> BundleError:
        """An error at this place."""
        return BundleError(f"{self.place.removesuffix(': ')}: {complaint}.")

    def expect(self, kind: type[Value]) -> Value:
        """The value, if it is of a kind; ``bool`` does not pass as a number, ``int`` passes as ``float``."""
        accepted = (int, float) if kind is float else kind
        if not isinstance(self.value, accepted) or (isinstance(self.value, bool) and kind is not bool):
            raise self.fail(f"expected {kind.__name__}, found {type(self.value).__name__}")
        try:
            return cast(Value, float(cast(float, self.value)) if kind is float else self.value)
        except OverflowError:
            raise self.fail("the number is too large") from None

    def __getitem__(self, key: str) -> Node:
        if key not in self.expect(dict):
            raise self.fail(f"the key {key!r} is missing")
        return Node(self.value[key], self._inside(key))

    def entries(self) -> Iterator[tuple[str, Node]]:
        """Keys and values of an object; a key is text as any other."""
        for key, value in self.expect(dict).items():
            yield Node(key, f"{self._inside(repr(key))} as a key").text(), Node(value, self._inside(key))

    def _inside(self, key: str) -> str:
        return f"{self.place}{key}" if self.place.endswith(": ") else f"{self.place}.{key}"

    def __iter__(self) -> Iterator[Node]:
        return (Node(value, f"{self.place}[{index}]") for index, value in enumerate(self.expect(list)))

    def text(self) -> str:
        """The value as text that is not empty and that every table can hold."""
        text = self.expect(str)
        if not text.strip():
            raise self.fail("the text is empty")
        if not text.isprintable():
            raise self.fail(f"{text!r} holds characters that cannot be printed")
        return text

    def number(self, lowest: float, highest: float) -> float:
        """The value as a finite number in a range."""
        number = self.expect(float)
        if not math.isfinite(number) or not lowest <= number <= highest:
            raise self.fail(f"{number} is not between {lowest} and {highest}")
        return number

    def one_of(self, words: Mapping[str, object] | tuple[str, ...]) -> str:
        """The value as one of some words."""
        if self.text() not in words:
            raise self.fail(f"{self.value!r} is not known; known are {', '.join(words)}")
        return self.text()


def parse_bundle_json(content: bytes, folder: str) -> Tagger:
    """Parse and check a bundle's ``bundle.json``.

    Args:
        content: The whole ``bundle.json``.
        folder: Where it was read from.

    Returns:
        The tagger it describes.

    Raises:
        BundleError: If something is missing, of the wrong type or contradictory.
    """
    root = Node(_parse_json(content), f"{folder}/bundle.json: ")
    if root["format"].expect(int) != FORMAT:
        raise root["format"].fail(f"this version of tonearm reads format {FORMAT}")
    front_end = _parse_front_end(root["front_end"])
    facets = {tag: node["facet"].one_of(FACETS) for tag, node in root["tags"].entries()}
    units = tuple(_parse_unit(node, index, facets) for index, node in enumerate(root["outputs"]))
    networks = tuple(_parse_network(node, units) for node in root["networks"])
    _check_front_end(root["front_end"]["settings"], front_end, networks)
    _check_unit_order(root, networks, units)
    return Tagger(
        name=root["name"].text(),
        version=root["version"].text(),
        description=root["description"].text(),
        folder=folder,
        bundle_hash=hashlib.sha256(content).hexdigest(),
        front_end=front_end,
        networks=networks,
        units=units,
        tags=tuple(_parse_tag(tag, node, units) for tag, node in root["tags"].entries()),
        selection=_parse_selection(root["selection"], facets),
    )


def _parse_json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"bundle.json is not valid JSON: {error}.") from error


def _parse_front_end(node: Node) -> FrontEnd:
    """Read the settings; each has the type of its default, and the fingerprint must be theirs."""
    names = {field.name for field in fields(FrontEnd)}
    given = dict(node["settings"].entries())
    if given.keys() != names:
        raise node["settings"].fail(f"expected exactly the keys {', '.join(sorted(names))}")
    defaults = FrontEnd()
    front_end = FrontEnd(**{name: given[name].expect(type(getattr(defaults, name))) for name in names})
    fingerprint = node["fingerprint"].text()
    if fingerprint != front_end.fingerprint:
        raise node["fingerprint"].fail(
            f"{fingerprint!r} is not the fingerprint of the settings, which is {front_end.fingerprint!r}; "
            "the settings were changed after training, or the fingerprint was not updated"
        )
    return front_end


def _check_front_end(settings: Node, front_end: FrontEnd, networks: tuple[Network, ...]) -> None:
    """Check that patches can be computed so, and that every network can take them."""
    judge = "patches need"
    try:
        front_end.require_computable()
        for network in networks:
            judge = f"the architecture {network.architecture} needs"
            ARCHITECTURES[network.architecture].require_front_end(front_end)
    except FrontEndError as error:
        setting = settings[error.setting]
        raise setting.fail(f"{setting.value} cannot be used; {judge} {error.expected}") from error


def _parse_unit(node: Node, index: int, facets: Mapping[str, str]) -> Unit:
    tag = node["tag"].one_of(facets)
    return Unit(index, node["label"].text(), node["network"].text(), facets[tag], tag)


def _parse_network(node: Node, units: tuple[Unit, ...]) -> Network:
    weights = node["weights"]
    file = weights["file"].text()
    if "/" in file or "\\" in file or file.startswith("."):
        raise weights["file"].fail(f"{file!r} must be the plain name of a file inside the bundle")
    name = node["name"].text()
    return Network(
        name=name,
        architecture=node["architecture"].one_of(ARCHITECTURES),
        weights_file=file,
        weights_sha256=weights["sha256"].text(),
        units=sum(unit.network == name for unit in units),
    )


def _check_unit_order(root: Node, networks: tuple[Network, ...], units: tuple[Unit, ...]) -> None:
    """The scores of all networks lie side by side, so units must be listed network by network."""
    expected = [network.name for network in networks for _ in range(network.units)]
    if not networks or len({network.name for network in networks}) != len(networks):
        raise root["networks"].fail("expected at least one network, and names that differ")
    if [unit.network for unit in units] != expected:
        raise root["outputs"].fail("outputs must be listed network by network, in the order of `networks`")


def _parse_tag(tag: str, node: Node, units: tuple[Unit, ...]) -> TagRule:
    places = tuple(unit.index for unit in units if unit.tag == tag)
    if not places:
        raise node.fail("no unit is mapped to this tag")
    return TagRule(
        tag=tag,
        facet=node["facet"].one_of(FACETS),
        merge=node["merge"].one_of(MERGES),
        threshold=node["threshold"].number(1e-6, 1.0),
        units=places,
        calibration=_parse_calibration(node["calibration"]) if "calibration" in node.value else None,
    )


def _parse_calibration(node: Node) -> Calibration:
    return _CALIBRATIONS[node["kind"].one_of(_CALIBRATIONS)](node)


def _parse_platt(node: Node) -> Calibration:
    slope = node["slope"].number(1e-6, _STEEPEST)
    return PlattCalibration(slope, node["offset"].number(-_STEEPEST, _STEEPEST))


def _parse_isotonic(node: Node) -> Calibration:
    scores, probabilities = (
        tuple(point.number(0, 1) for point in node[axis]) for axis in ("scores", "probabilities")
    )
    if not scores or len(scores) != len(probabilities):
        raise node.fail("expected at least one score, and a probability for each")
    if any(after <= before for before, after in pairwise(scores)):
        raise node["scores"].fail("each score must be more than the one before")
    if any(after < before for before, after in pairwise(probabilities)):
        raise node["probabilities"].fail("no probability may be less than the one before")
    return IsotonicCalibration(scores, probabilities)


_CALIBRATIONS: Mapping[str, Callable[[Node], Calibration]] = {
    PlattCalibration.kind: _parse_platt,
    IsotonicCalibration.kind: _parse_isotonic,
}


def _parse_selection(node: Node, facets: Mapping[str, str]) -> Selection:
    limits = {}
    for facet, limit in node["limits"].entries():
        if facet not in FACETS:
            raise limit.fail(f"not a facet; facets are {', '.join(FACETS)}")
        if limit.expect(int) < 0:
            raise limit.fail("a limit is 0 or more")
        limits[facet] = limit.expect(int)
    if missing := set(facets.values()) - limits.keys():
        raise node["limits"].fail(f"no limit for {', '.join(sorted(missing))}")
    return Selection(limits, tuple(_parse_opposing_sides(group, facets) for group in node["exclusive"]))


def _parse_opposing_sides(node: Node, facets: Mapping[str, str]) -> tuple[tuple[str, ...], ...]:
    sides = tuple(tuple(tag.one_of(facets) for tag in side) for side in node)
    if len(sides) < 2 or not all(sides):
        raise node.fail("expected two sides or more, each with a tag")
    return sides
