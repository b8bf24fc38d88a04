"""A source that ends: the pending tracks of a folder or manifest."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice

from tonearm.transforms.elements.arrival import Arrival, track_of
from tonearm.transforms.elements.failure import Failure


class BoundedSource:
    """A :class:`TrackSource` over tracks that come to an end.

    A number of tracks is always read ahead. When the listing has no more, those that are left are handed out
    by size, the largest first: if a long one came last, one worker would be at it while the others had
    nothing left to do.

    Args:
        pending: The tracks.
        held: How many tracks are read ahead.
    """

    def __init__(self, pending: Iterator[Arrival], held: int) -> None:
        self._pending = pending
        self._held = held
        self._ready: deque[Arrival] = deque()
        self._ending = False
        self._stopped = False
        self._error: Exception | None = None
        self._lock = threading.Lock()

    def first(self) -> Arrival | None:
        """See :class:`TrackSource`.

        Raises:
            Exception: What broke the source, once the tracks before it are handed out.
        """
        track = self.further()
        if track is None and self._error and not self._stopped:
            raise self._error
        return track

    def further(self) -> Arrival | None:
        """See :class:`TrackSource`."""
        with self._lock:
            if self._stopped:
                return None
            if not self._ending:
                self._look_ahead()
            return self._ready.popleft() if self._ready else None

    def _look_ahead(self) -> None:
        try:
            self._ready += islice(self._pending, self._held - len(self._ready))
        except Exception as error:
            self._error = error
        if len(self._ready) < self._held:
            self._ending = True
            self._ready = deque(sorted(self._ready, key=_size, reverse=True))

    def note_committed(self, tracks: Sequence[Arrival], failures: Sequence[Failure]) -> None:
        """See :class:`TrackSource`; nothing to do, as the next run reads from the tables what is done."""

    def stop(self) -> None:
        """See :class:`TrackSource`."""
        self._stopped = True


def _size(arrival: Arrival) -> int:
    return track_of(arrival).size_bytes or 0
