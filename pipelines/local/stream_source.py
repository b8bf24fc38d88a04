"""Streams on one machine: arrivals are collected in waves and acknowledged when their rows are in the tables.

No local Beam runner keeps what it acknowledged through a kill, so nothing is acknowledged before its share is
committed. What is delivered again, announced twice or listed again is known by its object and generation.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

from tonearm.pipelines.arrivals.contract import Delivery, DeliverySource
from tonearm.pipelines.arrivals.listings import ListingDeliveries
from tonearm.pipelines.arrivals.outage import Outage
from tonearm.pipelines.arrivals.side_by_side import MessagesBesideSweep
from tonearm.pipelines.arrivals.spectrogram_files import SpectrogramFileDeliveries
from tonearm.pipelines.local.shares import SharePlan
from tonearm.pipelines.local.wave_closing import WaveClosing
from tonearm.pipelines.runs.stream_input import StreamInput
from tonearm.transforms.elements.arrival import Arrival, track_of
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import Failure
from tonearm.transforms.elements.input_kind import InputKind
from tonearm.transforms.sources.object_filter import ObjectFilter
from tonearm.transforms.sources.pending import (
    SkipReason,
    reason_to_leave_out,
    reason_to_skip,
    with_past_failures,
)
from tonearm.transforms.tables.ledger import Ledger

_POLL_SECONDS = 0.5
"""How long one poll may block; a stop signal waits no longer than this."""

_LOOK_AGAIN_SECONDS = 0.05
"""How long to look for more tracks once some have arrived; a poll that finds none ends the look."""

_COLLECT_SECONDS = 1.0
"""How long to go on collecting while tracks wait: repeated announcements may come without end."""


_REFUSED = (
    "the storage refuses tracks to this account (forbidden): have its credentials ended, or does it lack a "
    "role? The tracks are in failures, for `tonearm retry`; --watch tries them again by itself"
)


@dataclass
class _InFlight:
    receipts: list[str] = field(default_factory=list)


class StreamSource:
    """A :class:`TrackSource` that ends only when it is stopped.

    Besides the tracks in work, up to ``--wave_tracks`` are held ready, so that a worker that is done finds
    the next ones at once.

    Args:
        deliveries: Where announcements come from.
        ledger: What the tables hold at the start; kept up to date with what this run commits.
        on_skip: Told of every announcement that needs no work.
        max_wave_seconds: A wave closes this long after its first track was announced, however few it has.
        plan: Sizes of a wave and of a share.
        wanted: Which objects to take; others are counted and acknowledged.
    """

    def __init__(
        self,
        deliveries: DeliverySource,
        ledger: Ledger,
        on_skip: Callable[[SkipReason], None],
        max_wave_seconds: float,
        plan: SharePlan,
        wanted: ObjectFilter = ObjectFilter(),  # noqa: B008 - frozen
    ) -> None:
        self._deliveries = deliveries
        self._ledger = ledger
        self._on_skip = on_skip
        self._plan = plan
        self._wanted = wanted
        self._closing = WaveClosing(max_wave_seconds)
        self._open: list[Arrival] = []
        self._closed: deque[Arrival] = deque()
        self._in_flight: dict[Hashable, _InFlight] = {}
        self._refusals = Outage()
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    def first(self) -> Arrival | None:
        """See :class:`TrackSource`; waits until a wave closes or it is stopped."""
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

    def further(self) -> Arrival | None:
        """See :class:`TrackSource`."""
        with self._lock:
            return self._closed.popleft() if self._closed and not self._stopping.is_set() else None

    def note_committed(self, tracks: Sequence[Arrival], failures: Sequence[Failure]) -> None:
        """Acknowledge what announced these tracks."""
        with self._lock:
            done = [self._in_flight.pop(_key(arrival)) for arrival in tracks]
            for arrival in tracks:
                self._ledger.remember(track_of(arrival))
            for failure in failures:
                self._ledger.remember_failure(failure)
        self._acknowledge([receipt for each in done for receipt in each.receipts])
        self._deliveries.note_failures(failures)
        if any(failure.error is ErrorWord.FORBIDDEN for failure in failures):
            self._refusals.note(_REFUSED)

    def stop(self) -> None:
        """Hand out nothing further; what is in work may still be committed."""
        self._stopping.set()

    def _collect(self) -> None:
        """Take in what has arrived, until a wave is full, nothing more comes, or tracks have waited."""
        patience, until = self._patience(), time.monotonic() + _COLLECT_SECONDS
        while (room := self._plan.wave_tracks - (held := len(self._open) + len(self._closed))) > 0:
            if self._stopping.is_set() or (held and time.monotonic() > until):
                return
            deliveries = self._deliveries.poll(room, patience)
            if not deliveries:
                return
            self._admit(deliveries)
            patience = _LOOK_AGAIN_SECONDS

    def _patience(self) -> float:
        """How long to wait for a delivery: not past the moment at which a wave closes."""
        if self._closed:
            return _LOOK_AGAIN_SECONDS
        if not self._open:
            return _POLL_SECONDS
        return min(_POLL_SECONDS, max(0.0, self._closing.due_at - time.monotonic()))

    def _admit(self, deliveries: Sequence[Delivery]) -> None:
        """Hold what has to be worked; count and acknowledge the rest, unless it is in flight."""
        done: list[str] = []
        for delivery in deliveries:
            with self._lock:
                same = self._in_flight.get(_key(delivery.arrival))
                reason = SkipReason.ANNOUNCED_AGAIN if same else self._reason_to_skip(delivery)
                if not reason:
                    same = self._in_flight[_key(delivery.arrival)] = _InFlight()
                if delivery.receipt:
                    (same.receipts if same else done).append(delivery.receipt)
            if reason:
                self._on_skip(reason)
            else:
                self._open.append(with_past_failures(delivery.arrival, self._ledger))
                self._closing.note_arrival(time.monotonic() - delivery.age_seconds)
        self._acknowledge(done)

    def _reason_to_skip(self, delivery: Delivery) -> SkipReason | None:
        if reason := reason_to_leave_out(delivery.arrival, self._wanted):
            return reason
        if delivery.again:
            return None
        return reason_to_skip(delivery.arrival, self._ledger, may_be_late=delivery.receipt is not None)

    def _acknowledge(self, receipts: Sequence[str]) -> None:
        if receipts:
            self._deliveries.acknowledge(receipts)


def _key(arrival: Arrival) -> Hashable:
    track = track_of(arrival)
    return track.track_id, track.uri, track.generation


@contextmanager
def opened_stream(
    stream: StreamInput,
    ledger: Ledger,
    on_skip: Callable[[SkipReason], None],
    plan: SharePlan,
    outputs: Sequence[str],
    kind: InputKind = InputKind.AUDIO,
) -> Iterator[StreamSource]:
    """Listen until the block ends; what is not acknowledged by then is delivered again."""
    deliveries = _deliveries_of(stream, outputs, kind)
    if kind is InputKind.SPECTROGRAM:
        deliveries = SpectrogramFileDeliveries(deliveries, stream.wanted, on_skip)
    with closing(deliveries):
        yield StreamSource(deliveries, ledger, on_skip, stream.max_wave_seconds, plan, stream.wanted)


def _deliveries_of(stream: StreamInput, outputs: Sequence[str], kind: InputKind) -> DeliverySource:
    if stream.watch:
        return ListingDeliveries(stream.watch, stream.poll_seconds, outputs, kind=kind)
    from tonearm.pipelines.arrivals.pubsub import PubSubDeliveries

    messages = PubSubDeliveries(stream.subscription)
    if not stream.catch_up:
        return messages
    sweep = ListingDeliveries(stream.catch_up, stream.poll_seconds, outputs, kind=kind, once=True)
    return MessagesBesideSweep(messages, sweep)
