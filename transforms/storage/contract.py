"""Objects and their generations: listing many, looking one up, fetching one for the decoders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from tonearm.transforms.elements.failure import ErrorWord, Stage, TrackError

PIECE_BYTES = 8 << 20
"""Objects are fetched in pieces of this size: one request for a track of usual length."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as the storage describes it, without its content."""

    uri: str
    generation: str
    size_bytes: int


Listed = StoredObject | tuple[str, TrackError]
"""An object of a listing, or the URI of one that cannot be looked at and why."""


class Storage(Protocol):
    """One kind of storage; safe to use from several threads."""

    def list_objects(self, pattern: str) -> Iterator[Listed]:
        """Objects below a folder or prefix, or matching a glob, in a stable order.

        Raises:
            TrackError: The listing as a whole is refused or broke off.
        """

    def look_up(self, uri: str) -> StoredObject:
        """Ask for an object's generation and size.

        Raises:
            TrackError: ``not_found``, ``forbidden`` or ``unreadable``.
        """

    def read(self, found: StoredObject) -> Iterator[bytes]:
        """An object's bytes at its generation, in bounded pieces, retried on passing faults.

        Raises:
            TrackError: ``not_found``, ``forbidden``, ``unreadable``, or ``changed`` if the object is no
                longer at that generation.
        """


def changed() -> TrackError:
    """The object is no longer what was announced."""
    message = "the object changed after it was announced; the next run takes the new one"
    return TrackError(Stage.FETCH, ErrorWord.CHANGED, message, retriable=True)
