"""Commits: the tables of one wave become visible together, or not at all.

A wave writes below ``_staging``, which no reader of the tables looks into. Its commit record, one small
object under ``_commits``, is the moment of truth: before it stands, the wave has not happened; once it
stands, its files are moved into the tables, if need be by the next run.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from apache_beam.io.filesystems import FileSystems

from transforms.stored_rows import OutputError
from transforms.table_files import delete, files_below, move, opened, write_object
from transforms.tables import VISIBILITY_ORDER

STAGING = "_staging"
COMMITS = "_commits"


class OutputInUseError(Exception):
    """Another run is writing to the same output."""


def staging_root(output: str, wave: str) -> str:
    """Where a wave's files wait for their commit."""
    return FileSystems.join(output, STAGING, wave)


def commit_wave(output: str, wave: str) -> None:
    """Make a wave's staged files visible."""
    root = staging_root(output, wave)
    files = [path.removeprefix(root).lstrip("/") for path in files_below(root)]
    write_object(_record_of(output, wave), json.dumps({"wave": wave, "files": files}).encode())
    _roll_forward(output, wave, files)


def discard_wave(output: str, wave: str) -> None:
    """Remove what a wave staged, unless its commit record stands: then it has happened, and is recovered."""
    if not FileSystems.exists(_record_of(output, wave)):
        _delete_folder(staging_root(output, wave))


def recover(output: str) -> int:
    """Finish commits that a killed run left half done, and remove what it never committed.

    Returns:
        Number of waves whose commit was finished.
    """
    records = files_below(FileSystems.join(output, COMMITS))
    for location in records:
        with opened(location) as file:
            record = json.loads(file.read())
        root = staging_root(output, record["wave"])
        staged = set(files_below(root))
        left = [name for name in record["files"] if FileSystems.join(root, name) in staged]
        _roll_forward(output, record["wave"], left)
    _delete_folder(FileSystems.join(output, STAGING))
    _delete_folder(FileSystems.join(output, COMMITS))
    return len(records)


@contextmanager
def exclusive_output(output: str) -> Iterator[None]:
    """Keep a second run away from a local output; the lock dies with the process.

    Raises:
        OutputInUseError: Another run holds the output.
        OutputError: There can be no such folder.
    """
    if "://" in output:
        yield
        return
    try:
        Path(output).mkdir(parents=True, exist_ok=True)
        folder = os.open(output, os.O_RDONLY)
    except OSError as error:
        raise OutputError(f"{output} cannot be the folder of the tables: {error.strerror}") from error
    try:
        _lock(folder, output)
        yield
    finally:
        os.close(folder)


def _lock(folder: int, output: str) -> None:
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise OutputInUseError(f"{output}: another run is writing there; wait for it or stop it") from None


def _roll_forward(output: str, wave: str, files: list[str]) -> None:
    """Move a committed wave's staged files to their places."""
    root = staging_root(output, wave)
    for name in sorted(files, key=_visibility):
        move(FileSystems.join(root, name), FileSystems.join(output, name))
    _delete_folder(root)
    delete([_record_of(output, wave)])


def _record_of(output: str, wave: str) -> str:
    return FileSystems.join(output, COMMITS, f"{wave}.json")


def _visibility(name: str) -> int:
    return VISIBILITY_ORDER.index(name.split("/", 1)[0])


def _delete_folder(folder: str) -> None:
    """Delete all that lies in a folder; an object store knows objects only."""
    if "://" not in folder:
        if Path(folder).exists():
            shutil.rmtree(folder)
    else:
        delete(files_below(folder))
