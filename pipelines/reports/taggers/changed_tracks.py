"""The file of all tracks whose tags change: a manifest, with what they gain and lose."""

from __future__ import annotations

import csv
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

from tonearm.errors import WrongCallError
from tonearm.learning.tag_changes.changed_tracks import ChangedTag, ChangedTrack

_COLUMNS = ("track_id", "uri", "generation", "source", "change", "gained", "lost")


@contextmanager
def changed_tracks_file(path: Path) -> Iterator[Callable[[ChangedTrack], None]]:
    """Write tracks to a CSV file, which is there when the block has ended well, and not before.

    Until then they stand in a temporary file without a name, so that nothing is left beside it by a block
    that is killed.

    Yields:
        What takes a track.

    Raises:
        WrongCallError: The file is there already, or cannot be written.
    """
    if os.path.lexists(path):
        raise WrongCallError(f"{path} is there already: name another file")
    if not path.parent.is_dir():
        raise WrongCallError(f"{path} cannot be written: there is no folder {path.parent}")
    with ExitStack() as opened:
        with _refusals_of(path):
            file = opened.enter_context(
                tempfile.TemporaryFile("w+", encoding="utf-8", newline="", prefix="tonearm-")
            )
        writer = csv.writer(file, lineterminator="\n")

        def write(row: Sequence[str]) -> None:
            with _refusals_of(path):
                writer.writerow(row)

        write(_COLUMNS)
        yield lambda track: write(_values(track))
        with _refusals_of(path):
            file.seek(0)
            _put_in_place(file, path)


def _put_in_place(content: TextIO, path: Path) -> None:
    """Write a file whole or not at all; fails if somebody else has made it meanwhile."""
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
        new = Path(folder) / path.name
        with new.open("w", encoding="utf-8", newline="") as file:
            shutil.copyfileobj(content, file)
        os.link(new, path)


@contextmanager
def _refusals_of(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WrongCallError(f"{path} cannot be written: {error.strerror}") from error


def _values(track: ChangedTrack) -> list[str]:
    return [
        *(track.track_id, track.uri, track.generation, track.source, f"{track.change:.4f}"),
        *(_names(track.gained), _names(track.lost)),
    ]


def _names(tags: Sequence[ChangedTag]) -> str:
    return "; ".join(tag.tag for tag in tags)
