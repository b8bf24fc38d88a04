"""Walks a folder of a disk: every file once, whatever links lead where."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator


def walk(
    root: str, may_enter: Callable[[str], bool] = lambda folder: True
) -> Iterator[tuple[str, OSError | None]]:
    """List all that lies below a folder and is no folder, hidden files included.

    A folder is listed once, however many links lead to it, so a loop of links ends at once. Links to
    folders are followed after everything that is reached without them, in the order in which they were found:
    a file that can be reached on several ways has the name without a link, if there is one. Files of a folder
    come in the order of their names.

    Args:
        root: The folder, as an absolute path.
        may_enter: Tells by its path whether a folder below is to be looked into.

    Yields:
        A path and None, or the path of a folder that cannot be looked into, and why.
    """
    entered: set[tuple[int, int]] = set()
    roots = deque([root])
    while roots:
        opened = [_entries(roots.popleft(), entered)]
        while opened:
            entry = next(opened[-1], None)
            if entry is None:
                opened.pop()
            elif isinstance(entry, tuple):
                yield entry
            elif not _is_folder(entry):
                yield entry.path, None
            elif not may_enter(entry.path):
                continue
            elif entry.is_symlink():
                roots.append(entry.path)
            else:
                opened.append(_entries(entry.path, entered))


def _entries(folder: str, entered: set[tuple[int, int]]) -> Iterator[os.DirEntry[str] | tuple[str, OSError]]:
    """What a folder holds, sorted; nothing if it has been entered before, or is gone by now."""
    try:
        status = os.stat(folder)  # noqa: PTH116 - a path of the walk is text
        if (status.st_dev, status.st_ino) in entered:
            return
        entered.add((status.st_dev, status.st_ino))
        with os.scandir(folder) as entries:
            found = sorted(entries, key=_place)
    except FileNotFoundError:
        return  # it was moved or deleted since it was seen: no folder is left to be told of
    except OSError as error:
        yield folder, error
        return
    yield from found


def _place(entry: os.DirEntry[str]) -> str:
    """Sorts a folder's entries as the paths of all files below it would be sorted."""
    return f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself: whoever opens it is told
        return False
