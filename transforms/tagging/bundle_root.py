"""A bundle root: a folder of bundles that never change, and the pointer that says which of them is current.

::

    ROOT/instruments@1/…    a bundle: bundle.json, weights, cards
    ROOT/instruments@2/…    the next one
    ROOT/current            the pointer: every move of it, the last one counts

The pointer and its history are one small object, so that one conditional write moves both.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from tonearm.errors import WrongCallError
from tonearm.models.bundles.files import BundleError
from tonearm.transforms.storage.contract import Contents
from tonearm.transforms.storage.objects import joined, read_object

POINTER = "current"
"""Name of the pointer in its root."""

_FORMAT = 1

_IDENTITY = re.compile(r"[^/\\@\s.][^/\\@]*@[^/\\@]+")
"""``name@version``, which is the name of a folder too."""


class MoveKind(StrEnum):
    """Why the pointer was moved."""

    PROMOTE = "promote"
    ROLL_BACK = "roll_back"


@dataclass(frozen=True, slots=True)
class Move:
    """One move of the pointer.

    Attributes:
        kind: Why it was moved.
        bundle: ``name@version`` of the bundle that is current from then on.
        bundle_sha256: Of its ``bundle.json``.
        moved_at: When, in UTC, as ISO 8601.
        moved_by: By whom: an account of the machine, or what the call says.
        why: The reason that the call gives; empty if it gives none.
        report_sha256: Of the evaluation's ``report.json`` that it rests on; empty if on none.
        broken_rules: Rules that did not hold, where the move was forced.
    """

    kind: MoveKind
    bundle: str
    bundle_sha256: str
    moved_at: str
    moved_by: str
    why: str = ""
    report_sha256: str = ""
    broken_rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pointer:
    """A root's pointer as it was read.

    Attributes:
        moves: From the first to the last one.
        contents: The object, to be moved on on condition that it is still the same.
    """

    moves: tuple[Move, ...]
    contents: Contents

    @property
    def current(self) -> Move:
        """The move that counts."""
        return self.moves[-1]


def standing(moves: Sequence[Move]) -> list[Move]:
    """Promotions that were not taken back, the current one last.

    Raises:
        ValueError: More was taken back than had been promoted.
    """
    standing: list[Move] = []
    for move in moves:
        if move.kind is MoveKind.PROMOTE:
            standing.append(move)
        elif standing:
            standing.pop()
        else:
            raise ValueError("a rollback without a promotion before it")
    return standing


def pointer_bytes(moves: tuple[Move, ...]) -> bytes:
    """The object of a pointer."""
    told = {"format": _FORMAT, "current": moves[-1].bundle, "moves": [asdict(move) for move in moves]}
    return (json.dumps(told, ensure_ascii=False, indent=1) + "\n").encode()


def read_pointer(root: str) -> Pointer | None:
    """The pointer of a root; None if the folder has none, as that of a bundle has none.

    Raises:
        BundleError: It is damaged.
        StorageError: It cannot be read.
    """
    location = joined(root, POINTER)
    contents = read_object(location)
    if contents is None:
        return None
    try:
        return Pointer(_moves_of(json.loads(contents.content)), contents)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BundleError(
            f"The pointer {location} is damaged, or of a later version: {error or type(error).__name__}. "
            "Put back an earlier version of this file; the bundles beside it are untouched"
        ) from error


def identities_in(root: str) -> frozenset[str]:
    """``name@version`` of all bundles that were current in a root at some time; see :func:`read_pointer`."""
    pointer = read_pointer(root)
    return frozenset(move.bundle for move in pointer.moves) if pointer else frozenset()


def bundle_folder(root: str, identity: str) -> str:
    """Where a root has a bundle."""
    return joined(root, identity)


def is_identity(text: str) -> bool:
    """True if a text can be the ``name@version`` of a bundle in a root, and so the name of its folder.

    Example:
        >>> is_identity("instruments@2"), is_identity("../instruments@2"), is_identity("instruments")
        (True, False, False)
    """
    return _IDENTITY.fullmatch(text) is not None and text.isprintable()


def require_identity(name: str, version: str) -> None:
    """Refuse, before a bundle is made, what no bundle root could take.

    Raises:
        WrongCallError: ``name@version`` cannot be the name of a folder in a root.
    """
    if not is_identity(f"{name}@{version}"):
        raise WrongCallError(
            f"{name}@{version} cannot be the name of a bundle: neither part may be empty or hold @, / or \\, "
            "nor may the name begin with a dot or a space"
        )


def _moves_of(told: Any) -> tuple[Move, ...]:
    if told["format"] != _FORMAT:
        raise ValueError(f"format {told['format']}, where {_FORMAT} is known")
    moves = tuple(_move_of(each) for each in told["moves"])
    if not standing(moves):
        raise ValueError("no promotion that stands")
    return moves


def _move_of(told: Mapping[str, Any]) -> Move:
    broken_rules = told.get("broken_rules", [])
    texts = [value for key, value in told.items() if key != "broken_rules"]
    if not isinstance(broken_rules, list) or not all(isinstance(each, str) for each in texts + broken_rules):
        raise ValueError("a move with something that is no text")
    move = Move(**{**told, "kind": MoveKind(told["kind"]), "broken_rules": tuple(broken_rules)})
    if not is_identity(move.bundle):
        raise ValueError(f"{move.bundle!r} names no bundle")
    return move
