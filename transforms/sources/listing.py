"""Where tracks come from: a folder, a glob, or a manifest."""

from __future__ import annotations

import glob
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from tonearm.errors import TonearmError, WrongCallError
from tonearm.transforms.elements.arrival import Arrival
from tonearm.transforms.elements.failure import ErrorWord, Failure, Stage, TrackError
from tonearm.transforms.elements.track import Track
from tonearm.transforms.sources.manifest import Row, is_manifest, read_manifest
from tonearm.transforms.storage.contract import Listed, StorageError, StoredObject
from tonearm.transforms.storage.fetch import fetch_error
from tonearm.transforms.storage.schemes import is_local, list_objects, look_up, storage_of
from tonearm.transforms.storage.signed_url import location_of, without_signature


class InputError(WrongCallError):
    """An input can name nothing, or cannot be listed; the message says what to mend.

    Args:
        message: The sentence for people.
        may_pass: True if its storage failed, rather than refused; the same call may succeed at another time.
    """

    def __init__(self, message: str, *, may_pass: bool = False) -> None:
        super().__init__(message)
        self.may_pass = may_pass


class ListingError(TonearmError):
    """A listing broke off after it had begun: the input is right, and its storage fails us."""


def require_usable(location: str) -> None:
    """Refuse an input that can name nothing: a URL that no storage serves, a path that is not there.

    A glob may match nothing, today.

    Raises:
        InputError: The input cannot be used.
    """
    try:
        storage_of(location)
    except StorageError as error:
        raise InputError(f"{location_of(location)}: {error.message}") from error
    if is_local(location) and not glob.has_magic(location) and not os.path.lexists(location):
        raise InputError(f"{location}: no such file or folder")


def arrivals_at(location: str) -> Iterator[Arrival]:
    """Every track that an input names, with the generation it has now.

    Args:
        location: A folder, a file, a glob, or a manifest (``.csv``, ``.jsonl``, ``.parquet``).

    Yields:
        Tracks in the input's order. One whose object is missing or cannot be read, or whose manifest
        row is invalid, comes as a failure.

    Raises:
        ManifestError: The manifest as a whole cannot be used.
        InputError: The input cannot be listed.
        ListingError: Its listing broke off.
    """
    if is_manifest(location):
        base = _folder_of(location)
        for number, row in enumerate(read_manifest(location), start=1):
            yield _arrival_of_row(row, number, base)
    else:
        yield from _listed_arrivals(location)


def count_arrivals(location: str) -> int | None:
    """How many tracks an input will announce, without looking any of them up.

    Returns:
        The number; None for a listing of an object store, which would be paid for twice, and for one that
        breaks off, which the listing for the tracks themselves will tell of.

    Raises:
        ManifestError: The manifest cannot be used.
    """
    if is_manifest(location):
        return sum(1 for _ in read_manifest(location))
    if not is_local(location):
        return None
    try:
        return sum(1 for _ in list_objects(location))
    except StorageError:
        return None


def track_id_of(uri: str) -> str:
    """A stable id derived from the URI: the first 20 hex digits of its SHA-256."""
    return hashlib.sha256(os.fsencode(uri)).hexdigest()[:20]


def _listed_arrivals(location: str) -> Iterator[Arrival]:
    """Tracks of a listing; an error of the listing as a whole is nobody's failure and ends the run."""
    count = 0
    try:
        for count, listed in enumerate(list_objects(location), start=1):  # noqa: B007  (told in the error)
            yield _arrival_of_listed(listed)
    except StorageError as error:
        shown = location_of(location)
        if not count:
            may_pass = error.word is ErrorWord.UNREADABLE
            raise InputError(f"{shown} cannot be listed: {error.message}", may_pass=may_pass) from error
        message = f"the listing of {shown} broke off after {count:,}: {error.message}"
        raise ListingError(f"{message}; the same command lists it again") from error


def _arrival_of_listed(listed: Listed) -> Arrival:
    if isinstance(listed, StoredObject):
        return Track(track_id_of(listed.uri), listed.uri, listed.generation, listed.size_bytes)
    uri, problem = listed
    return Failure.of(Track(track_id_of(uri), uri), fetch_error(problem))


def _arrival_of_row(row: Row, number: int, base: str) -> Arrival:
    track_id, uri = (str(row.get(name) or "").strip() for name in ("track_id", "uri"))
    metadata = {
        str(name): _as_text(value)
        for name, value in row.items()
        if name not in ("track_id", "uri") and value is not None
    }
    track = Track(track_id, _absolute(uri, base), metadata=metadata, named=True)
    if not track_id or not uri:
        lacking = "track_id" if not track_id else "uri"
        problem = TrackError(Stage.SOURCE, ErrorWord.INVALID_ROW, f"manifest row {number} has no {lacking}")
        return Failure.of(track, problem)
    return at_present_generation(track)


def _absolute(uri: str, base: str) -> str:
    """Relative paths are meant from the manifest's folder; of a URL, its signature is left out."""
    if not uri or "://" in uri:
        return location_of(uri)
    return f"{base}/{uri}" if "://" in base else os.path.normpath(Path(base) / uri)


def _as_text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return without_signature(text)


def _folder_of(location: str) -> str:
    """The folder that relative names in a file at this location are meant from."""
    return str(Path(location).absolute().parent) if is_local(location) else location.rsplit("/", 1)[0]


def at_present_generation(track: Track) -> Arrival:
    """A track as its object is now; a failure if it cannot be looked up."""
    try:
        found = look_up(track.uri)
    except StorageError as problem:
        return Failure.of(track, fetch_error(problem))
    return replace(track, generation=found.generation, size_bytes=found.size_bytes)
