"""A source that ends: the pending tracks of a folder or manifest."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice

from tonearm.transforms.elements.arrival import Arrival, track_of


class BoundedSource:
    """A :class:`TrackSource` over tracks that come to an end.

    So many are held ready, so that the end is seen coming. From then on the largest are handed out first: as
    long as the last ones take, workers may wait for each other.

    Args:
        pending: The tracks.
        held: Tracks to hold ready.
    """

    def __init__(self, pending: Iterator[Arrival], held: int) -> None:
        self._pending = pending
        self._held = held
        self._ready: deque[Arrival] = deque()
        self._ending = False
        self._stopped = False
        self._lock = threading.Lock()

    def first(self) -> Arrival | None:
        """See :class:`TrackSource`."""
        return self.further()

    def further(self) -> Arrival | None:
        """See :class:`TrackSource`."""
        with self._lock:
            if self._stopped:
                return None
            if not self._ending:
                self._look_ahead()
            return self._ready.popleft() if self._ready else None

    def _look_ahead(self) -> None:
        self._ready += islice(self._pending, self._held - len(self._ready))
        if len(self._ready) < self._held:
            self._ending = True
            self._ready = deque(sorted(self._ready, key=_size, reverse=True))

    def committed(self, tracks: Sequence[Arrival]) -> None:
        """Nothing waits for the news: what is done is read from the tables."""

    def stop(self) -> None:
        """See :class:`TrackSource`; a listing is never waited for."""
        self._stopped = True


def _size(announced: Arrival) -> int:
    return track_of(announced).size_bytes or 0
