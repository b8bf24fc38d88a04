"""Streams on one machine: arrivals are taken in waves and acknowledged when their rows are in the tables.

No local Beam runner keeps what it acknowledged through a kill, so nothing is acknowledged before its wave is
committed. What is delivered again, announced twice or listed again is known by its object and generation.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from transforms.ledger import Ledger
from transforms.pending import SkipReason, reason_to_skip, with_past_failures
from transforms.sources import Announced, track_of

_POLL_SECONDS = 0.5
"""How long one poll may block: as long as a stop signal waits at most."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """Something announced, and the receipt that acknowledges it (None where there is nothing to say)."""

    announced: Announced
    receipt: str | None = None


class Arrivals(Protocol):
    """Where a stream's announcements come from."""

    def poll(self, count: int, wait_seconds: float) -> list[Arrival]:
        """What has arrived, at most so many; waits for the first one, at most so long."""

    def acknowledge(self, receipts: Sequence[str]) -> None:
        """Say that these need not be delivered again."""

    def close(self) -> None:
        """Let go of everything that is not acknowledged."""


@dataclass
class _InFlight:
    receipts: list[str] = field(default_factory=list)


class StreamSource:
    """A :class:`pipelines.waves.TrackSource` that ends only when it is stopped.

    Args:
        arrivals: What is announced.
        ledger: What the tables hold at the start; kept up to date with what this run commits.
        on_skip: Told of every announcement that needs no work.
        max_wave_seconds: A wave closes this long after its first track, however few it has.
    """

    def __init__(
        self,
        arrivals: Arrivals,
        ledger: Ledger,
        on_skip: Callable[[SkipReason], None],
        max_wave_seconds: float,
    ) -> None:
        self._arrivals = arrivals
        self._ledger = ledger
        self._on_skip = on_skip
        self._max_wave_seconds = max_wave_seconds
        self._in_flight: dict[Hashable, _InFlight] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    def take(self, count: int) -> list[Announced]:
        """See :class:`pipelines.waves.TrackSource`; waits until something arrives or it is stopped."""
        taken: list[Announced] = []
        closes_at = float("inf")
        while len(taken) < count and not self._stopping.is_set():
            left = min(_POLL_SECONDS, closes_at - time.monotonic())
            if left <= 0:
                break
            for arrival in self._arrivals.poll(count - len(taken), left):
                taken += self._admitted(arrival)
            if taken and closes_at == float("inf"):
                closes_at = time.monotonic() + self._max_wave_seconds
        return taken

    def settled(self, tracks: Sequence[Announced]) -> None:
        """Acknowledge what announced these tracks."""
        with self._lock:
            done = [self._in_flight.pop(_key(announced)) for announced in tracks]
            for announced in tracks:
                self._ledger.remember(track_of(announced))
        self._acknowledge([receipt for each in done for receipt in each.receipts])

    def stop(self) -> None:
        """Take nothing further; what is in flight may still be settled."""
        self._stopping.set()

    def _admitted(self, arrival: Arrival) -> list[Announced]:
        """The announcement, unless it is in flight, or done and can be acknowledged at once."""
        with self._lock:
            same = self._in_flight.get(_key(arrival.announced))
            reason = SkipReason.ANNOUNCED_AGAIN if same else reason_to_skip(arrival.announced, self._ledger)
            if not reason:
                same = self._in_flight[_key(arrival.announced)] = _InFlight()
            if same and arrival.receipt:
                same.receipts.append(arrival.receipt)
        if not reason:
            return [with_past_failures(arrival.announced, self._ledger)]
        self._on_skip(reason)
        if not same and arrival.receipt:
            self._acknowledge([arrival.receipt])
        return []

    def _acknowledge(self, receipts: Sequence[str]) -> None:
        if receipts:
            self._arrivals.acknowledge(receipts)


def _key(announced: Announced) -> Hashable:
    track = track_of(announced)
    return track.track_id, track.uri, track.generation
