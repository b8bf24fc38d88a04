"""Manifests by path or URL: which files are ones, and their rows."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import BinaryIO

from tonearm.transforms.audio.endings import has_audio_ending
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.sources.manifests.contract import ManifestError, ManifestRow
from tonearm.transforms.sources.manifests.delimited import read_delimited
from tonearm.transforms.sources.manifests.json_values import read_json, read_json_lines
from tonearm.transforms.sources.manifests.parquet_process import read_parquet_isolated
from tonearm.transforms.storage.content_encoding import decoded
from tonearm.transforms.storage.contract import Listed, StorageError, StoredObject
from tonearm.transforms.storage.objects import opened_object
from tonearm.transforms.storage.schemes import list_objects, storage_of

_Reader = Callable[[BinaryIO, str], Iterator[ManifestRow]]

_PARQUET = (".parquet", ".parq")

_READERS: dict[str, _Reader] = {
    ".csv": read_delimited,
    ".tsv": read_delimited,
    ".jsonl": read_json_lines,
    ".ndjson": read_json_lines,
    ".json": read_json,
    **dict.fromkeys(_PARQUET, read_parquet_isolated),
}

_PARQUET_MAGIC = b"PAR1"

_GZIP = ".gz"

_BUFFER_BYTES = 1 << 18

_INSTEAD = {
    **dict.fromkeys((".xlsx", ".xls", ".ods", ".numbers"), "save the sheet as `CSV UTF-8`"),
    **dict.fromkeys((".avro", ".orc", ".feather", ".arrow"), "write it as Parquet"),
    **dict.fromkeys((".bz2", ".xz", ".zst", ".zip", ".7z", ".rar", ".tar", ".tgz"), "unpack it first"),
    **dict.fromkeys((".m3u", ".m3u8", ".pls", ".xspf", ".cue", ".txt", ".xml"), "write its tracks as CSV"),
}
"""What to do with lists of tracks and packed files that are not read, by their ending."""


@dataclass(frozen=True, slots=True)
class NumberedRow:
    """A row, and where it stands.

    Attributes:
        row: The row.
        number: Its number in its file, from 1, without the header.
        location: The file.
    """

    row: ManifestRow
    number: int
    location: str


def is_manifest(location: str) -> bool:
    """True if the ending says that this is a manifest and not a track.

    >>> is_manifest("gs://bucket/catalog.CSV.gz"), is_manifest("music/a.flac")
    (True, False)
    """
    name = location.lower().rstrip("/").removesuffix(_GZIP)
    return name.endswith(tuple(_READERS))


def is_parquet(location: str) -> bool:
    """True if the ending says that this is a Parquet file."""
    return location.lower().rstrip("/").endswith(_PARQUET)


def manifest_or_listing(location: str) -> tuple[list[StoredObject], Iterator[Listed]]:
    """Tell the files of a manifest from those of a catalog, by one listing of what a location names.

    A manifest is one file, those that a glob matches, or a folder. A folder is one if its name ends like a
    manifest's, or if it holds Parquet files and nothing else: by their endings or, as exports of Spark, Hive
    and BigQuery have none, by their first bytes. Files whose names begin with ``_`` or ``.``, as Spark writes
    them, do not count.

    Returns:
        The manifest's files and an empty listing; or no files, and the listing of what is no manifest.

    Raises:
        ManifestError: It is named like a manifest, and there is none.
        StorageError: It cannot be listed.
    """
    own_name, parts, passed = _name_of(location.rstrip("/")), [], []
    listing = list_objects(location)
    for listed in listing:
        passed.append(listed)
        uri = listed.uri if isinstance(listed, StoredObject) else listed[0]
        if _name_of(uri).startswith(("_", ".")) and _name_of(uri) != own_name:
            continue
        if not _is_part(listed, uri, by_name=is_manifest(location)):
            return [], chain(passed, listing)
        if not isinstance(listed, StoredObject):
            raise listed[1]
        parts.append(listed)
    if is_manifest(location) and not passed:
        raise ManifestError(f"{location}: no such manifest")
    return parts, iter(() if parts else passed)


def _is_part(listed: Listed, uri: str, *, by_name: bool) -> bool:
    """True if a file may be a manifest's part.

    Args:
        listed: The file, as it was listed.
        uri: Its path or URL.
        by_name: True if the whole is named like a manifest, whose parts may be of any kind that is read.
    """
    name = uri.lower()
    if by_name:
        return name.removesuffix(_GZIP).endswith(tuple(_READERS))
    if name.endswith(_PARQUET) or not isinstance(listed, StoredObject):
        return name.endswith(_PARQUET)
    return not has_audio_ending(name) and _begins_as_parquet(listed)


def _begins_as_parquet(found: StoredObject) -> bool:
    if found.size_bytes < len(_PARQUET_MAGIC):
        return False
    try:
        return storage_of(found.uri).read_range(found, 0, len(_PARQUET_MAGIC)) == _PARQUET_MAGIC
    except StorageError:  # whoever reads the whole file is told
        return False


def _name_of(uri: str) -> str:
    return uri.rpartition("/")[2]


def require_readable_kind(location: str) -> None:
    """Refuse lists of tracks in a format that is not read, by the name of their file.

    Raises:
        ManifestError: It is such a file; the message says what to make of it.
    """
    for ending, advice in _INSTEAD.items():
        if location.lower().endswith(ending):
            raise ManifestError(f"{location}: {ending} is not read as a manifest; {advice}")


def read_manifest(parts: list[StoredObject]) -> Iterator[NumberedRow]:
    """Rows of a manifest, one at a time, in the order of its files and lines.

    Args:
        parts: Its files, see :func:`manifest_or_listing`.

    Raises:
        ManifestError: A file is of the wrong kind, or lacks a required column.
    """
    for part in parts:
        for number, row in enumerate(_rows_of(part), start=1):
            yield NumberedRow(row, number, part.uri)


def _rows_of(part: StoredObject) -> Iterator[ManifestRow]:
    name = part.uri.lower()
    endings = (ending for ending in _READERS if name.removesuffix(_GZIP).endswith(ending))
    reader = _READERS[next(endings, _PARQUET[0])]  # without an ending it is known by its first bytes
    try:
        if reader is read_parquet_isolated:
            with opened_object(part.uri) as file:
                yield from reader(file, part.uri)
        else:
            with io.BufferedReader(_Pieces(_bytes_of(part)), _BUFFER_BYTES) as file:
                yield from reader(file, part.uri)
    except StorageError as error:
        if error.word is ErrorWord.NOT_FOUND:
            raise ManifestError(f"{part.uri}: no such manifest") from error
        raise ManifestError(f"{part.uri}: cannot be read: {error.message}") from error
    except (OSError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise ManifestError(f"{part.uri}: cannot be read as a manifest: {reason}") from error


def _bytes_of(part: StoredObject) -> Iterator[bytes]:
    """The bytes of a manifest of text, decompressed where they are compressed, whatever its name says."""
    return decoded(storage_of(part.uri).read(part), "gzip")


class _Pieces(io.RawIOBase):
    """Pieces of an object as a file that is read from its beginning to its end."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        if not self._left:
            self._left = memoryview(next(self._pieces, b""))
        piece = self._left[: len(buffer)]
        buffer[: len(piece)] = piece
        self._left = self._left[len(piece) :]
        return len(piece)
