"""One subscription's messages: waiting, leased to a subscriber, or acknowledged."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field

from google.pubsub_v1 import types

DEFAULT_ACK_DEADLINE_S = 10


@dataclass(slots=True)
class _Delivery:
    """A message and how often it was handed out before."""

    message: types.PubsubMessage
    attempts: int = 0
    expires: float = 0.0


@dataclass(slots=True)
class Subscription:
    """The queue behind a subscription; every method may be called from any thread.

    Attributes:
        proto: The subscription as it was created.
        shuffle: Source of disorder: with one, messages are handed out in random order.
        acked: Acknowledged messages, in the order of their acknowledgement.
        delivered: How many deliveries there were, redeliveries included.
        nacked: How many deliveries were refused by the subscriber.
        expired: How many leases ran out.
    """

    proto: types.Subscription
    shuffle: random.Random | None = None
    acked: list[types.PubsubMessage] = field(default_factory=list)
    delivered: int = 0
    nacked: int = 0
    expired: int = 0
    _waiting: list[_Delivery] = field(default_factory=list)
    _leased: dict[str, _Delivery] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def waiting(self) -> int:
        """How many messages wait for a subscriber."""
        with self._changed:
            self._expire()
            return len(self._waiting)

    @property
    def leased(self) -> int:
        """How many messages are with a subscriber."""
        with self._changed:
            self._expire()
            return len(self._leased)

    @property
    def unacked(self) -> int:
        """How many messages are not done yet."""
        with self._changed:
            return len(self._waiting) + len(self._leased)

    @property
    def acked_ids(self) -> set[str]:
        """Ids of the acknowledged messages."""
        with self._changed:
            return {message.message_id for message in self.acked}

    def put(self, message: types.PubsubMessage, *, copies: int = 1) -> None:
        """Add a message, to be delivered and acknowledged ``copies`` times."""
        with self._changed:
            self._waiting.extend(_Delivery(message) for _ in range(copies))
            self._changed.notify_all()

    def take(self, limit: int, *, wait_s: float, lease_s: float | None = None) -> list[types.ReceivedMessage]:
        """Lease up to ``limit`` messages, waiting for the first of them.

        Args:
            limit: Most messages to hand out.
            wait_s: How long to wait if there is none.
            lease_s: Length of the leases; None for the subscription's own.
        """
        lease_s = lease_s or self.proto.ack_deadline_seconds or DEFAULT_ACK_DEADLINE_S
        deadline = time.monotonic() + wait_s
        with self._changed:
            self._expire()
            while not self._waiting and time.monotonic() < deadline:
                self._changed.wait(min(0.1, wait_s))
                self._expire()
            return [self._lease(lease_s) for _ in range(min(limit, len(self._waiting)))]

    def acknowledge(self, ack_ids: Iterable[str]) -> None:
        """Mark leased messages as done; ids of leases that ran out are ignored, as Google does."""
        with self._changed:
            self._expire()
            for ack_id in ack_ids:
                if delivery := self._leased.pop(ack_id, None):
                    self.acked.append(delivery.message)

    def extend(self, ack_id: str, seconds: int) -> None:
        """Set the rest of a lease; 0 gives the message back at once (a nack)."""
        with self._changed:
            self._expire()
            if ack_id not in self._leased:
                return
            if seconds > 0:
                self._leased[ack_id].expires = time.monotonic() + seconds
            else:
                self.nacked += 1
                self._give_back(ack_id)

    def give_back(self, ack_ids: Iterable[str] | None = None) -> None:
        """End leases before their time, all of them by default: what a test need not wait for."""
        with self._changed:
            for ack_id in list(self._leased) if ack_ids is None else ack_ids:
                if ack_id in self._leased:
                    self._give_back(ack_id)

    def still_leased(self, ack_ids: Iterable[str]) -> set[str]:
        """Return those of the ids whose leases last."""
        with self._changed:
            self._expire()
            return set(ack_ids) & self._leased.keys()

    def _lease(self, lease_s: float) -> types.ReceivedMessage:
        place = self.shuffle.randrange(len(self._waiting)) if self.shuffle else 0
        delivery = self._waiting.pop(place)
        delivery.attempts += 1
        delivery.expires = time.monotonic() + lease_s
        ack_id = uuid.uuid4().hex
        self._leased[ack_id] = delivery
        self.delivered += 1
        return types.ReceivedMessage(
            ack_id=ack_id, message=delivery.message, delivery_attempt=delivery.attempts
        )

    def _expire(self) -> None:
        now = time.monotonic()
        for ack_id in [ack_id for ack_id, delivery in self._leased.items() if delivery.expires < now]:
            self.expired += 1
            self._give_back(ack_id)

    def _give_back(self, ack_id: str) -> None:
        self._waiting.append(self._leased.pop(ack_id))
        self._changed.notify_all()
