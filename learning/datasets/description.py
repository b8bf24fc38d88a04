"""``dataset.json``: what a data set holds and how it came about; written last, so that what has one is whole.

Its ``digest`` is the data set's name: the SHA-256 of all the rest, but for ``origin``, which tells in which
folder the manifest lay and which version built it. So the same tracks, labels and rules have the same digest
in every folder, and the digests of the shards in it hold for every patch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tonearm.learning.datasets.track import DatasetError
from tonearm.learning.labelled.track import Split
from tonearm.models.front_end import FrontEnd
from tonearm.transforms.elements.failure import TrackError
from tonearm.transforms.spectrograms.front_end_settings import front_end_of

FORMAT = 1
"""Raised when a key changes its meaning; a reader refuses what is newer than itself."""

DESCRIPTION = "dataset.json"

_NOT_IN_DIGEST = ("digest", "origin")

Description = Mapping[str, Any]
"""The parsed ``dataset.json``; its keys are those that ``docs/learning.md`` lists."""


@dataclass(frozen=True, slots=True)
class ShardEntry:
    """A shard as ``dataset.json`` lists it.

    Attributes:
        split: The split, whose folder it lies in.
        name: Name of its file, which begins the file's SHA-256.
        sha256: SHA-256 of the file, in hex.
        size_bytes: Its size.
        tracks: How many tracks it holds.
        patches: How many patches these have.
    """

    split: Split
    name: str
    sha256: str
    size_bytes: int
    tracks: int
    patches: int


def digest_of(description: Description) -> str:
    """The digest of a description, in hex."""
    told = {key: value for key, value in description.items() if key not in _NOT_IN_DIGEST}
    return hashlib.sha256(json.dumps(told, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def with_digest(told: Description) -> Description:
    """A description with its format and its digest."""
    whole = {"format": FORMAT, "digest": "", **told}
    whole["digest"] = digest_of(whole)
    return whole


def description_bytes(description: Description) -> bytes:
    """The file of a description."""
    return (json.dumps(description, ensure_ascii=False, indent=2) + "\n").encode()


def description_of(content: bytes) -> Description:
    """The description that a file holds.

    Raises:
        DatasetError: It is cut, was changed, or is of a later version; the message completes "the file …".
    """
    try:
        told = json.loads(content)
        if not isinstance(told, dict) or not isinstance(told["format"], int):
            raise TypeError
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise DatasetError("is cut, or describes no data set") from error
    if told["format"] > FORMAT:
        raise DatasetError(f"has format {told['format']}; this Tonearm reads up to {FORMAT}")
    if told.get("digest") != digest_of(told):
        raise DatasetError("was changed after the data set was built: its digest is another")
    _require_form(told)
    return told


def _require_form(told: Description) -> None:
    """Refuse a description that lacks what readers lean on, whoever has made a digest for it."""
    try:
        shards_in(told)
        is_right = isinstance(told["origin"]["folder"], str) and _are_texts(told["labels"])
        if not is_right or front_end_in(told).fingerprint != told["front_end"]["fingerprint"]:
            raise TypeError
    except (ValueError, TypeError, KeyError) as error:
        raise DatasetError("describes no data set: something is missing in it, or cannot be") from error


def _are_texts(found: object) -> bool:
    return isinstance(found, list) and all(isinstance(each, str) for each in found)


def front_end_in(description: Description) -> FrontEnd:
    """The front end that made the patches.

    Raises:
        DatasetError: Its settings cannot be.
    """
    try:
        return front_end_of(json.dumps(description["front_end"]["settings"]))
    except TrackError as error:
        raise DatasetError(f"names a front end that cannot be: {error.message}") from error


def front_end_told(front_end: FrontEnd) -> dict[str, Any]:
    """A front end as a description has it."""
    return {"fingerprint": front_end.fingerprint, "settings": asdict(front_end)}


def shards_in(description: Description) -> tuple[ShardEntry, ...]:
    """All shards, in the order in which they are read."""
    return tuple(map(shard_entry, description["shards"]))


def shard_entry(told: Mapping[str, Any]) -> ShardEntry:
    """A shard of what a description has of it."""
    return ShardEntry(**{**told, "split": Split(told["split"])})


def shard_told(shard: ShardEntry) -> dict[str, Any]:
    """A shard as a description has it."""
    return {**asdict(shard), "split": str(shard.split)}
