"""Bundles and unfinished trainings that learned from a data set: told by its digest, which they name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tonearm.transforms.storage.objects import read_object

BUNDLE_JSON = "bundle.json"


@dataclass(frozen=True, slots=True)
class FoundBundle:
    """A bundle that was trained here.

    Attributes:
        location: Its folder or URL.
        name: Its name and version.
        dataset: Digest of the data set that it learned from; empty if it does not tell.
    """

    location: str
    name: str
    dataset: str


def read_bundle(folder: str) -> FoundBundle | None:
    """What a bundle learned from; None if it does not say that it was trained with Tonearm, or is damaged.

    Raises:
        StorageError: It cannot be read.
    """
    found = read_object(f"{folder}/{BUNDLE_JSON}")
    try:
        told = json.loads(found.content) if found else None
    except ValueError:
        return None
    if not isinstance(told, dict):
        return None
    dataset = _within(told, "provenance", "dataset", "digest")
    if not isinstance(dataset, str):
        return None
    return FoundBundle(folder, f"{told.get('name', '')}@{told.get('version', '')}", dataset)


def _within(told: Mapping[str, Any], *keys: str) -> Any:
    """A value within objects; None if it is not there."""
    value: Any = told
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
