"""Places on this machine, for what is written to no store: reports, pages, lists and new bundles."""

from __future__ import annotations

import os
from pathlib import Path

from tonearm.errors import WrongCallError
from tonearm.transforms.storage.contract import StorageError
from tonearm.transforms.storage.schemes import is_local, normal_location


def local_place(location: str, option: str) -> Path:
    """Where a file or folder is to be made, checked before any work; nothing is made yet.

    Args:
        location: As the call names it: a path, or a ``file://`` URL of this machine.
        option: The option that names it, for messages.

    Raises:
        WrongCallError: It is in a store or on another machine, or nothing can be made there.
    """
    try:
        normal = normal_location(location)
    except StorageError as error:
        raise WrongCallError(f"{option} {location}: {error.message}") from error
    if not is_local(normal):
        raise WrongCallError(
            f"{option} {location}: this is written to a disk of this machine; name a place there, and copy it"
        )
    place = Path(normal)
    absolute = Path(os.path.abspath(normal))  # noqa: PTH100 - resolves "..", not links
    if not _may_write_beside(absolute):
        raise WrongCallError(f"{option} {location} cannot be made: {absolute.parent} cannot be written")
    return place


def _may_write_beside(place: Path) -> bool:
    """True if the nearest folder above that is there may be written."""
    above = next((each for each in place.parents if os.path.lexists(each)), place)
    return above.is_dir() and os.access(above, os.W_OK | os.X_OK)
