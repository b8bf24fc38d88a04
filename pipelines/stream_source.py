"""Streams on one machine: arrivals are taken in waves and acknowledged when their rows are in the tables.

No local Beam runner keeps what it acknowledged through a kill, so nothing is acknowledged before its wave is
committed. What is delivered again, announced twice or listed again is known by its object and generation.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pipelines.shares import WavePlan
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
    """A :class:`pipelines.shares.TrackSource` that ends only when it is stopped.

    Up to a wave of tracks is held ready, beside the one in work, so that a worker that is done finds the next
    tracks at once.

    Args:
        arrivals: What is announced.
        ledger: What the tables hold at the start; kept up to date with what this run commits.
        on_skip: Told of every announcement that needs no work.
        max_wave_seconds: A wave closes this long after its first track was announced, however few it has.
        plan: Sizes of a wave and of a share.
    """

    def __init__(
        self,
        arrivals: Arrivals,
        ledger: Ledger,
        on_skip: Callable[[SkipReason], None],
        max_wave_seconds: float,
        plan: WavePlan,
    ) -> None:
        self._arrivals = arrivals
        self._ledger = ledger
        self._on_skip = on_skip
        self._plan = plan
        self._closing = WaveClosing(max_wave_seconds)
        self._open: list[Announced] = []
        self._closed: deque[Announced] = deque()
        self._in_flight: dict[Hashable, _InFlight] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    def first(self) -> Announced | None:
        """See :class:`pipelines.shares.TrackSource`; waits until a wave closes or it is stopped."""
        while not self._stopping.is_set():
            self._collect()
            waiting = len(self._open) + len(self._closed)
            is_full = waiting >= self._plan.share_tracks
            if self._open and self._closing.is_due(time.monotonic(), is_full=is_full):
                self._closed.extend(self._open)
                self._open = []
            if track := self.further():
                return track
        return None

    def further(self) -> Announced | None:
        """See :class:`pipelines.shares.TrackSource`."""
        with self._lock:
            return self._closed.popleft() if self._closed and not self._stopping.is_set() else None

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

    def _collect(self) -> None:
        """Take in what has arrived, until a wave is held, nothing more comes, or those that are held wait."""
        patience, until = self._patience(), time.monotonic() + _COLLECT_SECONDS
        while (room := self._plan.wave_tracks - (held := len(self._open) + len(self._closed))) > 0:
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
