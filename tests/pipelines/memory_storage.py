"""A storage scheme as a newcomer would add one: objects in this process's memory, ``memory://bucket/name``."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from itertools import count
from typing import ClassVar

from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.storage.contract import Contents, StorageError, StoredObject, changed
from tonearm.transforms.storage.prefix_listing import PrefixListing


class MemoryStorage(PrefixListing):
    """Implements :class:`Storage`; what it holds is the class's, so that tests can look at it."""

    scheme = "memory"
    objects: ClassVar[dict[str, Contents]] = {}
    _generations: ClassVar[Iterator[int]] = count(1)
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def list_prefix(self, bucket: str, prefix: str) -> Iterator[StoredObject]:
        """See :class:`PrefixListing`."""
        for uri in sorted(self.objects):
            if uri.startswith(self.url(bucket, prefix)):
                yield self.look_up(uri)

    def look_up(self, uri: str) -> StoredObject:
        """See :class:`Storage`."""
        found = self.read_whole(uri)
        return StoredObject(uri, found.generation, len(found.content))

    def read(self, found: StoredObject) -> Iterator[bytes]:
        """See :class:`Storage`."""
        yield self.read_range(found, 0, found.size_bytes)

    def read_range(self, found: StoredObject, start: int, stop: int) -> bytes:
        """See :class:`Storage`."""
        present = self.read_whole(found.uri)
        if present.generation != found.generation:
            raise changed()
        return present.content[start:stop]

    def read_whole(self, uri: str) -> Contents:
        """See :class:`Storage`."""
        if uri not in self.objects:
            raise StorageError(ErrorWord.NOT_FOUND, "no such object")
        return self.objects[uri]

    def write(self, uri: str, content: bytes) -> None:
        """See :class:`Storage`."""
        self.objects[uri] = Contents(content, str(next(self._generations)))

    def write_if(self, uri: str, content: bytes, seen: Contents | None) -> Contents | None:
        """See :class:`Storage`."""
        with self._lock:
            if self.objects.get(uri) != seen:
                return None
            self.write(uri, content)
            return self.objects[uri]

    def move(self, source: str, target: str) -> None:
        """See :class:`Storage`."""
        if source in self.objects:
            self.objects[target] = self.objects.pop(source)

    def delete(self, uris: Sequence[str]) -> None:
        """See :class:`Storage`."""
        for uri in uris:
            self.objects.pop(uri, None)
