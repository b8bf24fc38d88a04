"""The folder of a data set while it is built: held by one build, cleared of what killed ones left."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from tonearm.learning.building.failures import FAILURES
from tonearm.learning.building.tallies import BUILDING, TALLIES
from tonearm.learning.datasets.description import DESCRIPTION, Description, description_of
from tonearm.learning.datasets.track import DatasetError
from tonearm.learning.labelled.track import Split
from tonearm.transforms.storage.contract import StorageError
from tonearm.transforms.storage.local import delete_half_written
from tonearm.transforms.storage.objects import delete, delete_folder, joined, names_below, read_object
from tonearm.transforms.storage.schemes import is_local
from tonearm.transforms.tables.holding.folder_lock import folder_locked
from tonearm.transforms.tables.parquet.note_object import HELD_BY, NoteObject

_SHARD = re.compile(rf"({'|'.join(Split)})/shard-[0-9a-f]+\.parquet")

_HALF_WRITTEN = re.compile(r"(.*/)?\.[0-9a-f]{16}\.part")


class BuildFolder:
    """The folder or URL of a data set that is to be built; see :class:`Holdable`.

    Args:
        location: Where it is.
    """

    def __init__(self, location: str) -> None:
        self._location = location

    def prepare(self) -> None:
        """Make the folder; a store makes folders by itself.

        Raises:
            DatasetError: It cannot be made, or holds something else.
        """
        if is_local(self._location):
            try:
                Path(self._location).mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise DatasetError(f"{self._location} cannot be a folder: {error.strerror}") from error
        self._require_nothing_else()

    def boards(self) -> Sequence[NoteObject]:
        """Where a build notes that it holds the folder."""
        return (NoteObject(self._location),)

    def guarded(self) -> AbstractContextManager[None]:
        """Lock the folder, where its disk has locks."""
        return folder_locked(self._location)

    def recover(self, ended: Sequence[str]) -> None:
        """Delete half-written files of builds that were killed; whole shards are kept for the next one."""
        if is_local(self._location):
            for folder in (".", BUILDING, TALLIES, *Split):
                delete_half_written(joined(self._location, folder))

    def description(self) -> Description | None:
        """The description of the data set that is whole here; None if there is none.

        Raises:
            DatasetError: It is damaged.
        """
        place = joined(self._location, DESCRIPTION)
        found = read_object(place)
        try:
            return description_of(found.content) if found else None
        except DatasetError as error:
            raise DatasetError(f"{place} {error}: move it away, or choose another --output") from error

    def sweep_shards(self, kept: Collection[str]) -> None:
        """Delete shards that are not of the data set; an earlier build with other tracks left them.

        Args:
            kept: Names of the others, with their folders.
        """
        delete(
            [
                joined(self._location, name)
                for name in names_below(self._location)
                if _SHARD.fullmatch(name) and name not in kept
            ]
        )

    def has_leftovers(self) -> bool:
        """True if a build was killed after its data set was whole, before it had cleared up."""
        return any(name.startswith(f"{BUILDING}/") or name == HELD_BY for name in names_below(self._location))

    def end_building(self) -> None:
        """Delete what was needed only to build."""
        delete_folder(joined(self._location, BUILDING))

    def clear(self) -> None:
        """Delete all that a build has written, where it made no data set."""
        self.sweep_shards(())
        delete([joined(self._location, FAILURES)])
        self.end_building()
        if is_local(self._location):
            for split in Split:
                with suppress(OSError):
                    Path(self._location, split).rmdir()

    def _require_nothing_else(self) -> None:
        """Refuse a folder that holds anything but a data set, whole or not: a build may delete there."""
        try:
            other = next((name for name in names_below(self._location) if not _is_of_build(name)), None)
        except StorageError as error:
            raise DatasetError(f"{self._location} cannot be written to: {error.message}") from error
        if other is not None:
            raise DatasetError(
                f"{self._location} holds {other}, which is of no data set: choose a folder of its own"
            )


def _is_of_build(name: str) -> bool:
    is_own = name in (DESCRIPTION, FAILURES, HELD_BY) or name.startswith(f"{BUILDING}/")
    return is_own or bool(_SHARD.fullmatch(name) or _HALF_WRITTEN.fullmatch(name))
