"""Tracks that people were asked to label, or have labelled: none of them is asked for again."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from tonearm.learning.labelled.reading import read_for_labels
from tonearm.transforms.elements.readable import readable
from tonearm.transforms.storage.objects import files_below, joined
from tonearm.transforms.storage.schemes import stored_uri

_NUMBERED = re.compile(r"labels-(\d+)\.csv", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class AskedTracks:
    """Tracks by which no further labels are asked for.

    Attributes:
        track_ids: Their ids.
        uris: Where they lie, as tables store it: a manifest may have other ids than the catalog.
    """

    track_ids: set[str] = field(default_factory=set)
    uris: set[str] = field(default_factory=set)


def asked_tracks(manifests: Iterable[str]) -> AskedTracks:
    """The tracks of manifests, whether their labels are filled in or not.

    Raises:
        ManifestError: One is no manifest.
    """
    asked = AskedTracks()
    for manifest in manifests:
        for row in read_for_labels(manifest):
            if row.track_id:
                asked.track_ids.add(readable(row.track_id))
            if row.uri:
                asked.uris.add(stored_uri(row.uri))
    return asked


def earlier_manifests(folder: str) -> list[str]:
    """The manifests of earlier calls in their folder, sorted; none if there is no such folder yet.

    Raises:
        StorageError: The folder cannot be listed.
    """
    return [file for file in files_below(folder, ".csv") if _NUMBERED.fullmatch(_name_of(file))]


def next_manifest(folder: str, earlier: Iterable[str]) -> str:
    """Where the next manifest goes: numbers go on from the highest one.

    Example:
        >>> next_manifest("labels", ["labels/labels-001.csv", "labels/labels-007.csv"])
        'labels/labels-008.csv'
    """
    numbers = [int(found[1]) for file in earlier if (found := _NUMBERED.fullmatch(_name_of(file)))]
    return joined(folder, f"labels-{max(numbers, default=0) + 1:03d}.csv")


def _name_of(file: str) -> str:
    return file.rpartition("/")[2]
