"""Reads the files of a tagger bundle: from the package, a folder, or wherever a given function reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tonearm import model_artifacts
from tonearm.errors import WrongCallError

PACKAGED_BUNDLES = Path(model_artifacts.__file__).parent


class BundleError(WrongCallError):
    """A tagger bundle cannot be used; the message says what is wrong with it and what to do."""


ReadFile = Callable[[str, int], bytes]
"""``read(location, limit)``: the file's first ``limit`` bytes; may raise any error."""


def read_local_file(path: str, limit: int) -> bytes:
    """Read the first ``limit`` bytes of a file of this machine."""
    with Path(path).open("rb") as file:
        return file.read(limit)


def resolve_location(location: str) -> str:
    """Turn the name of an embedded bundle into its folder; other folders stay as they are."""
    if not location:
        raise BundleError(
            "No tagger is named: give `musicnn`, a folder, or a URL such as gs://bucket/tagger."
        )
    packaged = PACKAGED_BUNDLES / location
    is_plain_name = Path(location).name == location
    return str(packaged) if is_plain_name and packaged.is_dir() else location


def read_bundle_file(folder: str, name: str, *, limit: int, read: ReadFile) -> bytes:
    """Read one file of a bundle.

    Args:
        folder: A path or URL that ``read`` knows.
        name: The file's plain name.
        limit: The most bytes that such a file may have.
        read: Reads it.

    Returns:
        The file's content.

    Raises:
        BundleError: If the file is not there, cannot be read, or is longer than ``limit``.
    """
    try:
        content = read(f"{folder.rstrip('/')}/{name}", limit + 1)
    except Exception as error:  # each storage raises its own kinds
        raise BundleError(
            f"Cannot read {name} of the tagger at {folder}: {error}. Check the location and its permissions."
        ) from error
    if len(content) > limit:
        raise BundleError(f"{name} of the tagger at {folder} is longer than the {limit} bytes it may have.")
    return content
