"""Where a track comes from: the folder or bucket by which the tracks of a catalog are best told apart."""

from __future__ import annotations


class SharedFolder:
    """The folder that all tracks lie below, found as their URIs are met."""

    def __init__(self) -> None:
        self._shared: list[str] | None = None

    def meet(self, uri: str) -> None:
        """Take a track's URI into account; an empty one tells nothing."""
        if not uri:
            return
        folders = _folders(uri)
        if self._shared is None:
            self._shared = folders
        elif folders[: len(self._shared)] != self._shared:
            alike = [one == other for one, other in zip(self._shared, folders, strict=False)]
            self._shared = self._shared[: (*alike, False).index(False)]

    def source_of(self, uri: str) -> str:
        """The first folder or bucket in which a track's URI differs from others; empty if it is not told.

        Example:
            >>> shared = SharedFolder()
            >>> for uri in ("/music/jazz/a.mp3", "/music/jazz/live/b.mp3", "/music/folk/c.mp3"):
            ...     shared.meet(uri)
            >>> shared.source_of("/music/jazz/live/b.mp3")
            '/music/jazz'
        """
        depth = len(self._shared or ()) + 1
        return "/".join(_folders(uri)[:depth]) if uri else ""


def _folders(uri: str) -> list[str]:
    return uri.split("/")[:-1]
