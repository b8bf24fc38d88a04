"""Listings of a store that knows no folders and lists objects by the beginning of their names."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

from tonearm.transforms.storage.contract import Listed, StoredObject
from tonearm.transforms.storage.glob_pattern import GlobPattern, has_wildcard


class PrefixListing(ABC):
    """The listings of :class:`Storage`, made of one request that every object store has.

    Attributes:
        scheme: What URLs begin with, such as ``gs``.
    """

    scheme: str

    @abstractmethod
    def list_prefix(self, bucket: str, prefix: str) -> Iterator[StoredObject]:
        """All objects of a bucket whose names begin with a text, in the order of their names, page by page.

        Raises:
            StorageError: The listing is refused or broke off.
        """

    def list_as_written(self, location: str) -> Iterator[Listed]:
        """See :class:`Storage`."""
        bucket, name = self.bucket_and_name(location)
        if name and not name.endswith("/"):
            first = next(self.list_prefix(bucket, name), None)
            if first is not None and first.uri == location:
                yield first
            name += "/"
        yield from filter(_is_no_folder_marker, self.list_prefix(bucket, name))

    def list_matching(self, pattern: str) -> Iterator[Listed]:
        """See :class:`Storage`."""
        bucket, name = self.bucket_and_name(pattern)
        if not has_wildcard(name):
            return
        glob = GlobPattern(name)
        for found in self.list_prefix(bucket, glob.prefix):
            if glob.matches(self.bucket_and_name(found.uri)[1]) and _is_no_folder_marker(found):
                yield found

    def bucket_and_name(self, uri: str) -> tuple[str, str]:
        """Bucket and name of an object's URL."""
        bucket, _, name = uri.removeprefix(f"{self.scheme}://").partition("/")
        return bucket, name

    def url(self, bucket: str, name: str) -> str:
        """The URL of an object."""
        return f"{self.scheme}://{bucket}/{name}"


def _is_no_folder_marker(found: StoredObject) -> bool:
    return found.size_bytes > 0 or not found.uri.endswith("/")
