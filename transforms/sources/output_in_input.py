"""Outputs that lie in an input: their tables are no tracks, and are left out of its listing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache

from tonearm.transforms.storage.contract import StorageError
from tonearm.transforms.storage.glob_pattern import GlobPattern, has_wildcard
from tonearm.transforms.storage.schemes import is_local, is_object_url, normal_location
from tonearm.transforms.tables.schemas import FILE_SCHEMAS


class OutputInInput:
    """Knows which objects of an input's listing belong to an output.

    An output below the input is left out whole. Where both are the same folder, or the input lies in the
    output, the folders of the tables are left out, and those that begin with ``_``, which a run works in.

    Args:
        outputs: Where tables are written; those that are no folders do not matter.
        location: The input.
    """

    def __init__(self, outputs: Sequence[str], location: str) -> None:
        base = f"{_real(_folder_of(location))}/"
        folders = [f"{_real(output)}/" for output in map(_folder_or_none, outputs) if output]
        self._whole = tuple(folder for folder in folders if folder.startswith(base) and folder != base)
        self._tables = tuple(folder for folder in folders if folder not in self._whole)

    def holds(self, uri: str) -> bool:
        """True if an object belongs to an output."""
        if not (self._whole or self._tables):
            return False
        place = _place_of(uri)
        if place.startswith(self._whole):
            return True
        return any(
            place.startswith(folder) and _is_of_tables(place[len(folder) :]) for folder in self._tables
        )


def _is_of_tables(place: str) -> bool:
    first, slash, _ = place.partition("/")
    return bool(slash) and (first in FILE_SCHEMAS or first.startswith("_"))


def _folder_of(location: str) -> str:
    """A folder that all of an input lies in."""
    return GlobPattern(location).folder if has_wildcard(location) else location


def _folder_or_none(output: str) -> str | None:
    try:
        normal = normal_location(output)
    except StorageError:
        return None
    return normal if is_local(normal) or is_object_url(normal) else None


def _real(folder: str) -> str:
    """A folder without the links that lead to it, and without a slash at its end."""
    return os.path.realpath(folder).rstrip("/") if is_local(folder) else folder.rstrip("/")


def _place_of(uri: str) -> str:
    """An object's URI, its folder without the links that lead to it."""
    if not is_local(uri):
        return uri
    folder, _, name = uri.rpartition("/")
    return f"{_real_folder(folder)}/{name}"


@lru_cache(maxsize=256)
def _real_folder(folder: str) -> str:
    """As :func:`_real`, remembered: the files of a folder come one after the other."""
    return _real(folder or "/")
