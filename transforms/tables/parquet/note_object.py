"""The note of the run that holds Parquet tables: a small object beside them."""

from __future__ import annotations

from dataclasses import dataclass

from tonearm.transforms.storage.contract import Contents
from tonearm.transforms.storage.objects import (
    delete,
    joined,
    read_object,
    write_if_absent,
    write_if_unchanged,
)

HELD_BY = "_held_by.json"


@dataclass(frozen=True, slots=True)
class NoteObject:
    """The note as an object of the output's own storage; see :class:`NoteBoard`.

    Attributes:
        location: Folder or URL of the tables.
    """

    location: str

    def read(self) -> Contents | None:
        """See :class:`NoteBoard`."""
        return read_object(self._place)

    def write_if(self, note: bytes, seen: Contents | None) -> Contents | None:
        """See :class:`NoteBoard`."""
        if seen is None:
            return write_if_absent(self._place, note)
        return write_if_unchanged(self._place, note, seen)

    def clear(self) -> None:
        """See :class:`NoteBoard`."""
        delete([self._place])

    @property
    def _place(self) -> str:
        return joined(self.location, HELD_BY)
