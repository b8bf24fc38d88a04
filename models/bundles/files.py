"""Reads the files of a tagger bundle: from the package, a local folder or any of Beam's filesystems."""

from __future__ import annotations

import posixpath
from pathlib import Path
from typing import BinaryIO

from tonearm import model_artifacts
from tonearm.errors import WrongCallError

PACKAGED_BUNDLES = Path(model_artifacts.__file__).parent


class BundleError(WrongCallError):
    """A tagger bundle cannot be used; the message says what is wrong with it and what to do."""


def resolve_location(location: str) -> str:
    """Turn the name of an embedded bundle, or a ``file://`` URL, into a folder; others stay as they are."""
    if not location:
        raise BundleError(
            "No tagger is named: give `musicnn`, a folder, or a URL such as gs://bucket/tagger."
        )
    packaged = PACKAGED_BUNDLES / location
    is_plain_name = Path(location).name == location
    if is_plain_name and packaged.is_dir():
        return str(packaged)
    return location.removeprefix("file://")  # which Beam's filesystems do not know


def read_bundle_file(folder: str, name: str, *, limit: int) -> bytes:
    """Read one file of a bundle.

    Args:
        folder: A local path or a URL that Beam's filesystems read.
        name: The file's plain name.
        limit: The most bytes that such a file may have.

    Returns:
        The file's content.

    Raises:
        BundleError: If the file is not there, cannot be read, or is longer than ``limit``.
    """
    try:
        with _open(folder, name) as stream:
            content = stream.read(limit + 1)
    except Exception as error:  # each cloud's client raises its own kinds
        raise BundleError(
            f"Cannot read {name} of the tagger at {folder}: {error}. Check the location and its permissions."
        ) from error
    if len(content) > limit:
        raise BundleError(f"{name} of the tagger at {folder} is longer than the {limit} bytes it may have.")
    return content


def _open(folder: str, name: str) -> BinaryIO:
    if "://" not in folder:
        return (Path(folder) / name).open("rb")
    from apache_beam.io.filesystem import CompressionTypes
    from apache_beam.io.filesystems import FileSystems

    path = posixpath.join(folder, name)
    stream: BinaryIO = FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)
    return stream
