"""The file of a page: written whole or not at all, and replaced only where it is asked for."""

from __future__ import annotations

import os
from pathlib import Path

from tonearm.errors import WrongCallError
from tonearm.learning.local_places import local_place
from tonearm.transforms.storage.contract import StorageError
from tonearm.transforms.storage.objects import write_object


def writable_page(location: str, option: str, *, replace: bool) -> Path:
    """The file of a page that is to be written, checked before any work.

    Args:
        location: As the call names it.
        option: The option that names it, for messages.
        replace: True if a file that is there may go.

    Raises:
        WrongCallError: It is no place for a file, or something is there that stays.
    """
    path = local_place(location, option).absolute()
    if path.is_dir():
        raise WrongCallError(f"{option} {location} is a folder: name a file")
    if os.path.lexists(path) and not replace:
        raise WrongCallError(f"{option} {location} is there already: name another file, or give --replace")
    if not path.parent.is_dir():
        raise WrongCallError(f"{option} {location} cannot be made: there is no folder {path.parent}")
    return path


def write_page(path: Path, page: bytes) -> None:
    """Write a page; until it is there whole, what was there before stays.

    Args:
        path: See :func:`writable_page`.
        page: Its content.

    Raises:
        WrongCallError: The disk refuses; nothing is left behind.
    """
    try:
        write_object(str(path), page)
    except StorageError as error:
        raise WrongCallError(f"{path} cannot be written: {error.message}") from error
