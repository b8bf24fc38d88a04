"""Commits: the tables of one share become visible together, or not at all.

A share writes below ``_staging``, which no reader of the tables looks into. Its commit marker, one small
object under ``_commits``, is the moment of truth: before it stands, the share has not happened; once it
stands, its files are moved into the tables, if need be by the next run.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tonearm.transforms.storage.objects import (
    delete,
    delete_folder,
    files_below,
    joined,
    move,
    read_object,
    write_object,
)
from tonearm.transforms.tables.contract import OutputError, OutputInUseError
from tonearm.transforms.tables.schemas import VISIBILITY_ORDER

STAGING = "_staging"
COMMITS = "_commits"


def staging_root(output: str, commit_id: str) -> str:
    """Where a share's files wait for their commit."""
    return joined(output, STAGING, commit_id)


def make_visible(output: str, commit_id: str) -> None:
    """Make a share's staged files visible."""
    root = staging_root(output, commit_id)
    files = [path.removeprefix(root).lstrip("/") for path in files_below(root)]
    write_object(_marker_of(output, commit_id), json.dumps({"commit_id": commit_id, "files": files}).encode())
    _roll_forward(output, commit_id, files)


def discard_staged(output: str, commit_id: str) -> None:
    """Remove what a share staged, unless its commit marker stands: then it has happened, and is recovered."""
    if read_object(_marker_of(output, commit_id)) is None:
        delete_folder(staging_root(output, commit_id))


def recover(output: str) -> int:
    """Finish commits that a killed run left half done, and remove what it never committed.

    Returns:
        Number of shares whose commit was finished.
    """
    markers = files_below(joined(output, COMMITS))
    for location in markers:
        if (found := read_object(location)) is None:
            continue  # another's commit that has ended meanwhile
        marker = json.loads(found.content)
        root = staging_root(output, marker["commit_id"])
        staged = set(files_below(root))
        left = [name for name in marker["files"] if joined(root, name) in staged]
        _roll_forward(output, marker["commit_id"], left)
    delete_folder(joined(output, STAGING))
    delete_folder(joined(output, COMMITS))
    return len(markers)


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


def _roll_forward(output: str, commit_id: str, files: list[str]) -> None:
    """Move a committed share's staged files to their places."""
    root = staging_root(output, commit_id)
    for name in sorted(files, key=_visibility):
        move(joined(root, name), joined(output, name))
    delete_folder(root)
    delete([_marker_of(output, commit_id)])


def _marker_of(output: str, commit_id: str) -> str:
    return joined(output, COMMITS, f"{commit_id}.json")


def _visibility(name: str) -> int:
    return VISIBILITY_ORDER.index(name.split("/", 1)[0])
