"""From an input, which is a folder, a file, a glob or a manifest, to the tracks that it names."""

from __future__ import annotations

import hashlib
import os
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from itertools import chain
from pathlib import Path

from tonearm.errors import TonearmError, WrongCallError
from tonearm.transforms.elements.arrival import Arrival
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import Failure, Stage, TrackError
from tonearm.transforms.elements.input_kind import InputKind
from tonearm.transforms.elements.track import Track
from tonearm.transforms.sources.manifests.contract import REQUIRED_COLUMNS
from tonearm.transforms.sources.manifests.reading import (
    NumberedRow,
    is_manifest,
    is_parquet,
    manifest_or_listing,
    read_manifest,
    require_readable_kind,
)
from tonearm.transforms.sources.output_in_input import OutputInInput
from tonearm.transforms.sources.relative_uri import absolute_uri
from tonearm.transforms.storage.contract import Listed, StorageError, StoredObject
from tonearm.transforms.storage.fetch import fetch_error
from tonearm.transforms.storage.glob_pattern import GlobPattern, has_wildcard
from tonearm.transforms.storage.schemes import is_local, list_objects, look_up, normal_location, storage_of
from tonearm.transforms.storage.signed_url import location_of, without_signature

_LOOKED_UP_AT_ONCE = 16
"""Objects that are looked up side by side: a store takes some 30 ms for each, however many are under way."""


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
    """A listing broke off after it had begun: the input is right, and its storage failed."""


def located(location: str) -> str:
    """An input as the storages know it; ``file:`` URLs become paths.

    Raises:
        InputError: No storage serves it.
    """
    try:
        normal = normal_location(location)
        storage_of(normal)
    except StorageError as error:
        raise InputError(f"{location_of(location)}: {error.message}") from error
    return normal


def require_usable(location: str) -> None:
    """Refuse an input that can never name anything: a URL that no storage serves, a path that is not there.

    A folder may be empty, and a glob match nothing yet. Of a store, the listing tells if the bucket is there.

    Raises:
        InputError: The input cannot be used.
        ManifestError: It is a list of tracks in a format that is not read.
    """
    normal = located(location)
    if not is_local(normal) or os.path.lexists(normal):
        require_readable_kind("" if os.path.isdir(normal) else normal)  # noqa: PTH112 - the path is text
    elif not has_wildcard(normal):
        raise InputError(f"{location}: no such file or folder")
    elif not os.path.isdir(folder := GlobPattern(normal).folder or "."):  # noqa: PTH112
        raise InputError(f"{location}: no such folder as {folder}")


def tracks_of(
    location: str, outputs: Sequence[str] = (), kind: InputKind = InputKind.AUDIO
) -> Iterator[Arrival]:
    """As :func:`announced_at`, with the listing begun: an input that names no object is refused at once.

    An empty folder of a disk is one, and an empty bucket.

    Args:
        location: The input.
        outputs: Where tables are written, which are not listed.
        kind: What its tracks come as.

    Raises:
        InputError: The input cannot be used, cannot be listed, or names nothing.
        ManifestError: The manifest cannot be used.
    """
    require_usable(location)
    normal = normal_location(location)
    announced = announced_at(normal, outputs, kind)
    first = next(announced, None)
    if first is not None:
        return chain((first,), announced)
    if _exists(normal) or next(announced_at(normal, kind=kind), None) is not None:
        return iter(())
    shown = location_of(location)
    if has_wildcard(normal):
        raise InputError(f"{shown}: nothing is called so, and as a glob it matches nothing")
    raise InputError(f"{shown}: there is no such object, and none below it")


def _exists(location: str) -> bool:
    """True for a folder of a disk and for a whole bucket, which may be empty."""
    if is_local(location):
        return os.path.lexists(location)
    return not location.partition("://")[2].partition("/")[2]


def absolute_location(location: str) -> str:
    """An input as a cluster's workers can list it, whose working folder is another.

    Raises:
        StorageError: It is a ``file://`` URL of another host.
    """
    normal = normal_location(location)
    if not is_local(normal):
        return normal
    if os.path.lexists(normal) or not has_wildcard(normal):
        return os.path.abspath(normal)  # noqa: PTH100 - the path is text
    here = re.sub(r"([*?[])", r"[\1]", str(Path.cwd()))  # whose name is none of the glob's wildcards
    return os.path.join(here, normal)  # noqa: PTH118


def arrivals_at(
    location: str, outputs: Sequence[str] = (), kind: InputKind = InputKind.AUDIO
) -> Iterator[Arrival]:
    """Every track that an input names, with the generation it has now.

    Args:
        location: A folder, a file, a glob, or a manifest.
        outputs: Where tables are written: if they lie in the input, they are not listed.
        kind: What tracks come as: of spectrograms, Parquet files are files of tracks and no manifests, and
            what is announced is files that may hold many tracks.

    Yields:
        Tracks in the input's order. One whose object is missing or cannot be read, or whose manifest
        row is invalid, comes as a failure.

    Raises:
        ManifestError: The manifest as a whole cannot be used.
        InputError: The input cannot be listed.
        ListingError: Its listing broke off.
    """
    return looked_up(announced_at(location, outputs, kind))


def announced_at(
    location: str, outputs: Sequence[str] = (), kind: InputKind = InputKind.AUDIO
) -> Iterator[Arrival]:
    """As :func:`arrivals_at`, but tracks of a manifest are not looked up: they have no generation yet."""
    count = 0
    try:
        normal = normal_location(location)
        parts, listing = _manifest_or_listing(normal, kind)
        if parts:
            yield from map(_arrival_of_row, read_manifest(parts))
            return
        tables = OutputInInput(outputs, normal)
        found = (listed for listed in listing if not tables.holds(_uri_of(listed)))
        for count, listed in enumerate(found, start=1):  # noqa: B007  (told in the error)
            yield _arrival_of_listed(listed)
    except StorageError as error:
        shown = location_of(location)
        if not count:
            may_pass = error.word is ErrorWord.UNREADABLE and error.retriable
            raise InputError(f"{shown} cannot be listed: {error.message}", may_pass=may_pass) from error
        message = f"the listing of {shown} broke off after {count:,}: {error.message}"
        raise ListingError(f"{message}; the same command lists it again") from error


def _manifest_or_listing(location: str, kind: InputKind) -> tuple[list[StoredObject], Iterator[Listed]]:
    """As ``manifest_or_listing``; of spectrograms, Parquet files are tracks and no manifest."""
    is_of_tracks = kind is InputKind.SPECTROGRAM and (is_parquet(location) or not is_manifest(location))
    return ([], list_objects(location)) if is_of_tracks else manifest_or_listing(location)


def looked_up(announced: Iterable[Arrival]) -> Iterator[Arrival]:
    """Give tracks that have no generation yet the one of their object now, in the order in which they came.

    Several are looked up ahead, side by side.
    """
    pool = ThreadPoolExecutor(_LOOKED_UP_AT_ONCE, thread_name_prefix="look up")
    waiting: deque[Future[Arrival]] = deque()
    try:
        for arrival in announced:
            if isinstance(arrival, Track) and not (arrival.generation or arrival.spectrogram):
                waiting.append(pool.submit(with_generation, arrival))
            elif waiting:
                waiting.append(_known(arrival))
            else:
                yield arrival
            if len(waiting) > 2 * _LOOKED_UP_AT_ONCE:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _known(arrival: Arrival) -> Future[Arrival]:
    future: Future[Arrival] = Future()
    future.set_result(arrival)
    return future


def with_generation(arrival: Arrival) -> Arrival:
    """An arrival as it is, or a track that has no generation yet as its object is now.

    A failure if the object cannot be looked up.
    """
    if isinstance(arrival, Failure) or arrival.generation or arrival.spectrogram:
        return arrival
    try:
        found = look_up(arrival.uri)
    except StorageError as problem:
        return Failure.of(arrival, fetch_error(problem))
    return replace(arrival, generation=found.generation, size_bytes=found.size_bytes)


def count_arrivals(
    location: str, outputs: Sequence[str] = (), kind: InputKind = InputKind.AUDIO
) -> int | None:
    """How many tracks an input will announce, without looking any of them up.

    Returns:
        The number; None for a listing of an object store, which would be paid for twice, for files of
        spectrograms, which would be opened twice, and for a listing that breaks off: the one for the tracks
        themselves will report that.

    Raises:
        ManifestError: The manifest cannot be used.
    """
    normal = normal_location(location)
    if kind is InputKind.SPECTROGRAM or not (is_local(normal) or is_manifest(normal)):
        return None
    try:
        return sum(1 for _ in announced_at(normal, outputs))
    except (InputError, ListingError):
        return None


def track_id_of(uri: str) -> str:
    """A stable id derived from the URI: the first 20 hex digits of its SHA-256.

    >>> track_id_of("gs://catalog/a.flac")
    'bd901e1373a48277f386'
    """
    return hashlib.sha256(os.fsencode(uri)).hexdigest()[:20]


def _uri_of(listed: Listed) -> str:
    return listed.uri if isinstance(listed, StoredObject) else listed[0]


def _arrival_of_listed(listed: Listed) -> Arrival:
    if isinstance(listed, StoredObject):
        return Track(track_id_of(listed.uri), listed.uri, listed.generation, listed.size_bytes)
    uri, problem = listed
    return Failure.of(Track(track_id_of(uri), uri), fetch_error(problem))


def _arrival_of_row(found: NumberedRow) -> Arrival:
    """The track of a manifest's row, without a generation; a failure if the row cannot be used."""
    values, problem = found.row.values, found.row.problem
    track_id, uri = (values.get(name, "").strip() for name in REQUIRED_COLUMNS)
    metadata = {
        name: without_signature(text) for name, text in values.items() if name not in REQUIRED_COLUMNS
    }
    if not (problem or (track_id and uri)):
        problem = f"it has no {'uri' if track_id else 'track_id'}"
    if not problem:
        try:
            return Track(track_id, absolute_uri(uri, found.location), metadata=metadata, named=True)
        except StorageError as error:
            problem = error.message
    track = Track(track_id, location_of(uri), metadata=metadata, named=True)
    message = f"row {found.number} of {location_of(found.location)}: {problem}"
    return Failure.of(track, TrackError(Stage.SOURCE, ErrorWord.INVALID_ROW, message))
