"""What every kind of storage offers, to the tracks that are read and to the tables that are written.

How to add a storage scheme, say ``azure://``:

1. Write ``transforms/storage/azure.py`` with a class that has the methods of :class:`Storage`.
2. If the store lists by prefix, as object stores do, inherit ``PrefixListing`` of
   ``prefix_listing.py``: it makes both listings of one method that lists what begins with a text.
3. A *generation* is whatever the store changes with every write of an object: a version, an ETag.
4. Every ``look_up``, ``read`` and listing raises :class:`StorageError` and nothing of the client library's;
   passing faults are tried again inside, for two minutes. Its text may quote a signed URL: don't pass it on.
5. ``write_if`` must be the store's own conditional write: of two processes that call it at one moment one
   must be told None. Looking first and writing then is not enough.
6. Import the client library at the top of the new file only: it is loaded when a URL of the scheme is met.
7. Add one line to ``_IMPLEMENTATIONS`` in ``transforms/storage/schemes.py``. Inputs, manifests, taggers and
   tables know the scheme from there.
8. Add the scheme to ``STORES`` in ``tests/transforms/storage/stores.py``, with a server to run against: all
   tests of the contract then run on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from tonearm.errors import TonearmError
from tonearm.transforms.elements.error_words import ErrorWord

PIECE_BYTES = 8 << 20
"""Objects are fetched in pieces of this size: one request for a track of usual length."""


class StorageError(TonearmError):
    """A storage cannot do what it is asked.

    Args:
        word: The stable word: ``not_found``, ``forbidden``, ``changed`` or ``unreadable``; all words are in
            ``transforms/elements/error_words.py``.
        message: A sentence for people, without credentials or signed URLs.
        retriable: True if the same request may succeed at another time.
    """

    def __init__(self, word: ErrorWord, message: str, *, retriable: bool = True) -> None:
        super().__init__(message)
        self.word = word
        self.message = message
        self.retriable = retriable

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle with all arguments, so that the error crosses process borders whole."""
        return _rebuild, (self.word, self.message, self.retriable)


def _rebuild(word: ErrorWord, message: str, retriable: bool) -> StorageError:
    return StorageError(word, message, retriable=retriable)


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as the storage describes it, without its content.

    Attributes:
        uri: A local path, or a URL with the store's scheme.
        generation: Version of the object; it changes whenever the object is written.
        size_bytes: Bytes as they are stored; of an object that is stored compressed, the compressed ones.
    """

    uri: str
    generation: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Contents:
    """A small object, whole, with the generation that these bytes are of."""

    content: bytes
    generation: str


Listed = StoredObject | tuple[str, StorageError]
"""An object of a listing, or the URI of one that cannot be looked at and why."""


class Storage(Protocol):
    """One kind of storage; safe to use from several threads.

    Names are literal everywhere but in :meth:`list_matching`: a ``*``, ``[`` or ``?`` in a name is that
    character. Every method raises :class:`StorageError` where the storage refuses or fails.
    """

    def list_as_written(self, location: str) -> Iterator[Listed]:
        """The object of this very name, and every object below the folder of this very name.

        Nothing is listed, and no error raised, if there is neither; ``a/music`` does not list
        ``a/music_old/``. The order is the same at every call. A name that ends in ``/`` and holds no bytes
        marks a folder and is left out.
        """

    def list_matching(self, pattern: str) -> Iterator[Listed]:
        """Every object whose name a glob matches, in the same order at every call; see ``GlobPattern``."""

    def look_up(self, uri: str) -> StoredObject:
        """Ask for an object's generation and size."""

    def read(self, found: StoredObject) -> Iterator[bytes]:
        """An object's bytes at its generation, in bounded pieces.

        What is stored with ``Content-Encoding: gzip`` comes decompressed.

        Raises:
            StorageError: Also ``changed``, if the object is no longer at that generation.
        """

    def read_range(self, found: StoredObject, start: int, stop: int) -> bytes:
        """Bytes of an object at its generation as they are stored, from ``start`` to before ``stop``."""

    def read_whole(self, uri: str) -> Contents:
        """A small object as it is now."""

    def write(self, uri: str, content: bytes) -> None:
        """Write an object, or replace it, so that it appears whole or not at all."""

    def write_if(self, uri: str, content: bytes, seen: Contents | None) -> Contents | None:
        """Write an object on condition that nobody else has written it meanwhile.

        Of several processes that call this at one moment with the same ``seen``, one writes. The content must
        tell who wrote it (a run's id, a count): an answer that was lost on its way is recognised by it.

        Args:
            uri: The object.
            content: Its new bytes.
            seen: What was read there; None to write only if there is no such object.

        Returns:
            What is there now, to be passed on as the next ``seen``; None if another one wrote before.
        """

    def move(self, location: str, new_location: str) -> None:
        """Move an object within its bucket or disk; it appears at its new place whole.

        Moving again what has been moved already changes nothing: a repeated commit may.
        """

    def delete(self, uris: Sequence[str]) -> None:
        """Delete objects of one bucket or disk; those that are not there are no error."""


def never_there() -> StorageError:
    """No bucket or object can have such a name: the store's own client refuses to ask for it."""
    return StorageError(ErrorWord.NOT_FOUND, "no bucket or object can be called so", retriable=False)


def changed() -> StorageError:
    """The object is no longer what was announced."""
    return StorageError(
        ErrorWord.CHANGED, "the object changed after it was announced; the next run takes the new one"
    )
