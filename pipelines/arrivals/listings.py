"""Announcements from listings: polling a prefix again and again, or sweeping it once at the start."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence

from tonearm.pipelines.arrivals.contract import Arrivals, Delivery
from tonearm.transforms.elements.arrival import Arrival, track_of
from tonearm.transforms.elements.failure import Failure
from tonearm.transforms.sources.listing import arrivals_at

_logger = logging.getLogger(__name__)


class WatchArrivals:
    """Lists a folder or prefix every so often and announces what it has not announced before.

    A local file is announced when two listings in a row found it unchanged, as it may still be being written;
    objects of a store appear whole.

    Args:
        pattern: Folder, prefix or glob.
        poll_seconds: Time from one listing to the next.
    """

    def __init__(self, pattern: str, poll_seconds: float) -> None:
        self._pattern = pattern
        self._poll_seconds = poll_seconds
        self._appears_whole = "://" in pattern
        self._announced: dict[str, str] = {}
        self._growing: dict[str, str] = {}
        self._listing: Iterator[Arrival] = iter(())
        self._next_listing_at = 0.0

    def poll(self, count: int, wait_seconds: float) -> list[Delivery]:
        """See :class:`Arrivals`."""
        deliveries: list[Delivery] = []
        until = time.monotonic() + wait_seconds
        while not deliveries:
            for announced in self._listing:
                if self._is_new(announced):
                    deliveries.append(Delivery(announced))
                if len(deliveries) == count:
                    return deliveries
            if time.monotonic() >= self._next_listing_at:
                self._next_listing_at = time.monotonic() + self._poll_seconds
                self._listing = self._listed()
            elif time.monotonic() >= until:
                break
            else:
                time.sleep(max(0.0, min(until, self._next_listing_at) - time.monotonic()))
        return deliveries

    def acknowledge(self, receipts: Sequence[str]) -> None:
        """A listing wants no answer."""

    def close(self) -> None:
        """A listing holds nothing."""

    def _listed(self) -> Iterator[Arrival]:
        try:
            yield from arrivals_at(self._pattern)
        except Exception as error:
            # The next poll may find the storage well again; what it lists then is not lost.
            _logger.warning("the listing of %s broke off (%s)", self._pattern, type(error).__name__)

    def _is_new(self, announced: Arrival) -> bool:
        track = track_of(announced)
        if self._announced.get(track.uri) == track.generation:
            return False
        if not (self._appears_whole or isinstance(announced, Failure)):
            unchanged = self._growing.get(track.uri) == track.generation
            if not unchanged:
                self._growing[track.uri] = track.generation
                return False
            del self._growing[track.uri]
        self._announced[track.uri] = track.generation
        return True


class SweptArrivals:
    """Announces what a prefix holds already, then goes on with another source of deliveries.

    So what arrived while nobody listened, or whose notification was lost, is not a lost track.
    """

    def __init__(self, pattern: str, then: Arrivals) -> None:
        self._sweep = arrivals_at(pattern)
        self._then = then

    def poll(self, count: int, wait_seconds: float) -> list[Delivery]:
        """See :class:`Arrivals`."""
        swept = [Delivery(announced) for _, announced in zip(range(count), self._sweep, strict=False)]
        return swept or self._then.poll(count, wait_seconds)

    def acknowledge(self, receipts: Sequence[str]) -> None:
        """See :class:`Arrivals`."""
        self._then.acknowledge(receipts)

    def close(self) -> None:
        """See :class:`Arrivals`."""
        self._then.close()
