"""Commits: the tables of one share become visible together, or not at all.

A share writes below ``_staging``, which no reader of the tables looks into. Its commit marker, one small
object under ``_commits``, decides: without it the share does not count and is worked again; once it is
written, the share's files are moved into the tables, if need be by the next run.

What lies below ``_staging`` belongs to the run that its folder is named by. Nobody else removes it unless
that run is known to have ended, or began so long ago that it must have.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tonearm.transforms.storage.objects import (
    delete,
    delete_folder,
    files_below,
    joined,
    move,
    names_below,
    read_object,
    write_object,
)
from tonearm.transforms.storage.schemes import is_local
from tonearm.transforms.tables.contract import OutputError, RowCounts, require_staged
from tonearm.transforms.tables.parquet.files import rows_in
from tonearm.transforms.tables.schemas import FILE_VISIBILITY_ORDER

STAGING = "_staging"
COMMITS = "_commits"

LONGEST_RUN = timedelta(days=14)
"""A run whose end nobody saw has ended by then: Dataflow ends a batch job after ten days."""

BEGUN = "%Y%m%dT%H%M%S"
"""How a commit's id begins, with the moment of its run or its own."""


def staging_root(output: str, commit_id: str) -> str:
    """Where a share's files wait for their commit."""
    return joined(output, STAGING, commit_id)


def make_visible(output: str, commit_id: str, rows: RowCounts) -> None:
    """Make a share's staged files visible.

    Args:
        output: Where the tables are.
        commit_id: The share.
        rows: How many rows of each table it staged.

    Raises:
        StagedRowsMissingError: Not all of them are there.
    """
    root, marker = staging_root(output, commit_id), _marker_of(output, commit_id)
    files = names_below(root)
    if not files and read_object(marker) is None and not rows:
        return  # it staged nothing, or was committed before
    require_staged(commit_id, _rows_by_table(files), rows)
    write_object(marker, json.dumps({"commit_id": commit_id, "files": files}).encode())
    _roll_forward(output, commit_id, files)


def discard_staged(output: str, commit_id: str) -> None:
    """Remove what a share staged, unless its commit marker is there: then it is committed."""
    if read_object(_marker_of(output, commit_id)) is None:
        delete_folder(staging_root(output, commit_id))


def recover(output: str, ended: Collection[str]) -> int:
    """Finish commits that were left half done, and remove what ended runs never committed.

    Args:
        output: Where the tables are.
        ended: Ids of runs that write here no longer.

    Returns:
        Number of shares whose commit was finished.

    Raises:
        OutputError: A marker cannot be read.
    """
    markers = files_below(joined(output, COMMITS), ".json")
    for location in markers:
        if (found := read_object(location)) is None:
            continue  # another process has finished this commit meanwhile
        commit_id, files = _read_marker(location, found.content)
        staged = set(names_below(staging_root(output, commit_id)))
        _roll_forward(output, commit_id, [name for name in files if name in staged])
    staging = joined(output, STAGING)
    for commit_id in dict.fromkeys(name.split("/", 1)[0] for name in names_below(staging)):
        if has_ended(commit_id, ended):
            delete_folder(joined(staging, commit_id))
    for folder in (staging, joined(output, COMMITS)):
        _remove_if_empty(folder)
    return len(markers)


def _read_marker(location: str, content: bytes) -> tuple[str, list[str]]:
    """The share and its files, as a marker tells them.

    Raises:
        OutputError: The marker is cut or was written by something else.
    """
    try:
        marker = json.loads(content)
        return marker["commit_id"], marker["files"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise OutputError(f"{location} is no marker of a commit, or is cut; move it away") from error


def has_ended(commit_id: str, ended: Collection[str]) -> bool:
    """Whether what is staged as a commit is of a run that ended, or began so long ago that it must have."""
    if any(commit_id == run_id or commit_id.startswith(f"{run_id}-") for run_id in ended):
        return True
    try:
        began = datetime.strptime(commit_id.split("-", 1)[0], BEGUN).replace(tzinfo=UTC)
    except ValueError:
        return False
    return datetime.now(UTC) - began > LONGEST_RUN


def _remove_if_empty(folder: str) -> None:
    """Remove a folder of a disk if it holds no file; a store has no folders."""
    if not is_local(folder):
        return
    below = sorted(Path(folder).rglob("*/"), reverse=True)
    for each in (*below, Path(folder)):
        with suppress(OSError):
            each.rmdir()


def _rows_by_table(files: Iterable[str]) -> Counter[str]:
    rows: Counter[str] = Counter()
    for name in files:
        table, *_, file = name.split("/")
        rows[table] += rows_in(file)
    return rows


def _roll_forward(output: str, commit_id: str, files: list[str]) -> None:
    """Move a committed share's staged files to their places."""
    move_into_tables(output, commit_id, files)
    delete([_marker_of(output, commit_id)])


def move_into_tables(output: str, commit_id: str, files: Iterable[str], tables: str = "") -> None:
    """Move staged files to their places, those last that tell of a track what the others hold of it.

    May be repeated, and done by two processes at once.

    Args:
        output: Where the commit's files were staged.
        commit_id: The commit.
        files: Their names, relative to the tables.
        tables: Where the tables are, if not there.
    """
    root = staging_root(output, commit_id)
    for name in sorted(files, key=_visibility):
        move(joined(root, name), joined(tables or output, name))
    delete_folder(root)


def _marker_of(output: str, commit_id: str) -> str:
    return joined(output, COMMITS, f"{commit_id}.json")


def _visibility(name: str) -> int:
    return FILE_VISIBILITY_ORDER.index(name.split("/", 1)[0])
