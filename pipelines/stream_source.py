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

from pipelines.wave_closing import WaveClosing
from transforms.ledger import Ledger
from transforms.pending import SkipReason, reason_to_skip, with_past_failures
from transforms.sources import Announced, track_of

_POLL_SECONDS = 0.5
"""How long one poll may block: as long as a stop signal waits at most."""

_LOOK_AGAIN_SECONDS = 0.05
"""How long to look for more of what has begun to arrive; a poll that finds nothing has seen it all."""

_COLLECT_SECONDS = 1.0
"""How long to go on collecting while tracks are held: an endless flood may bring nothing new."""

_LEAST_SHARE = 4
"""Shares shrink no further than to so many tracks: a share's graph, files and commit cost as much as a short
track does."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """Something announced.

    Attributes:
        announced: The track.
        receipt: What acknowledges it; None where there is nothing to say.
        age_seconds: How long ago it was announced.
    """

    announced: Announced
    receipt: str | None = None
    age_seconds: float = 0.0


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

    Up to a wave of tracks is held ready, beside the one in work: so a worker that is done finds the next
    tracks at once, and what waits is known well enough to be shared fairly.

    Args:
        arrivals: What is announced.
        ledger: What the tables hold at the start; kept up to date with what this run commits.
        on_skip: Told of every announcement that needs no work.
        max_wave_seconds: A wave closes this long after its first track was announced, however few it has.
        workers: How many workers take shares of what waits.
    """

    def __init__(
        self,
        arrivals: Arrivals,
        ledger: Ledger,
        on_skip: Callable[[SkipReason], None],
        max_wave_seconds: float,
        workers: int = 1,
    ) -> None:
        self._arrivals = arrivals
        self._ledger = ledger
        self._on_skip = on_skip
        self._workers = workers
        self._closing = WaveClosing(max_wave_seconds)
        self._open: list[Announced] = []
        self._closed: list[Announced] = []
        self._in_flight: dict[Hashable, _InFlight] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    def take(self, count: int) -> list[Announced]:
        """See :class:`pipelines.waves.TrackSource`; waits until a wave closes or it is stopped.

        One worker at a time collects; the others find what it leaves them.
        """
        wave = count * self._workers
        while not self._stopping.is_set():
            self._collect(wave)
            waiting = len(self._open) + len(self._closed)
            if self._open and self._closing.is_due(time.monotonic(), is_full=waiting >= count):
                self._closed += self._open
                self._open = []
            if self._closed:
                return self._share(count, least=min(count, _LEAST_SHARE))
        return []

    def settled(self, tracks: Sequence[Announced]) -> None:
        """Acknowledge what announced these tracks."""
        with self._lock:
            done = [self._in_flight.pop(_key(announced)) for announced in tracks]
            for announced in tracks:
                self._ledger.remember(track_of(announced))
        self._acknowledge([receipt for each in done for receipt in each.receipts])

    def stop(self) -> None:
        """Hand out nothing further; what is in work may still be settled."""
        self._stopping.set()

    def _collect(self, wave: int) -> None:
        """Take in what has arrived, until a wave is held, nothing more comes, or those that are held wait."""
        patience, until = self._patience(), time.monotonic() + _COLLECT_SECONDS
        while (room := wave - (held := len(self._open) + len(self._closed))) > 0:
            if self._stopping.is_set() or (held and time.monotonic() > until):
                return
            arrivals = self._arrivals.poll(room, patience)
            if not arrivals:
                return
            for arrival in arrivals:
                if admitted := self._admitted(arrival):
                    self._open.append(admitted)
                    self._closing.note_arrival(time.monotonic() - arrival.age_seconds)
            patience = _LOOK_AGAIN_SECONDS

    def _patience(self) -> float:
        """How long to wait for an arrival: as long as nothing else is to be done."""
        if self._closed:
            return _LOOK_AGAIN_SECONDS
        if not self._open:
            return _POLL_SECONDS
        return min(_POLL_SECONDS, max(0.0, self._closing.due_at - time.monotonic()))

    def _share(self, count: int, least: int) -> list[Announced]:
        """An equal part of what waits, and no crumbs: workers shall end together with the last of it."""
        size = max(least, -(-len(self._closed) // self._workers))
        if len(self._closed) - size < least:
            size = len(self._closed)
        size = min(count, size)
        share, self._closed = self._closed[:size], self._closed[size:]
        return share

    def _admitted(self, arrival: Arrival) -> Announced | None:
        """The announcement, unless it is in flight, or done and can be acknowledged at once."""
        with self._lock:
            same = self._in_flight.get(_key(arrival.announced))
            reason = SkipReason.ANNOUNCED_AGAIN if same else reason_to_skip(arrival.announced, self._ledger)
            if not reason:
                same = self._in_flight[_key(arrival.announced)] = _InFlight()
            if same and arrival.receipt:
                same.receipts.append(arrival.receipt)
        if not reason:
            return with_past_failures(arrival.announced, self._ledger)
        self._on_skip(reason)
        if not same and arrival.receipt:
            self._acknowledge([arrival.receipt])
        return None

    def _acknowledge(self, receipts: Sequence[str]) -> None:
        if receipts:
            self._arrivals.acknowledge(receipts)


def _key(announced: Announced) -> Hashable:
    track = track_of(announced)
    return track.track_id, track.uri, track.generation
