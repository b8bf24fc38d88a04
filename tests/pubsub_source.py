"""An unbounded source over a Pub/Sub subscription, for local engines, which refuse Beam's own."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from apache_beam.coders import Coder, PickleCoder
from apache_beam.io.gcp.pubsub import PubsubMessage
from apache_beam.io.unbounded_source import CheckpointMark, UnboundedReader, UnboundedSource
from apache_beam.utils.timestamp import Timestamp
from google.cloud.pubsub_v1 import SubscriberClient

_AT_ONCE = 10


@dataclass(frozen=True)
class Received(CheckpointMark):
    """Messages that the cluster has taken over; acknowledged once it says that they are safe."""

    subscription: str
    receipts: tuple[str, ...]

    def finalize_checkpoint(self) -> None:
        """See Beam."""
        if self.receipts:
            request = {"subscription": self.subscription, "ack_ids": list(self.receipts)}
            _client().acknowledge(request=request)


@dataclass
class PulledMessages(UnboundedReader):
    """Pulls messages; one that is never acknowledged comes again by itself, so nothing has to be resumed."""

    subscription: str
    _waiting: deque[Any] = field(default_factory=deque)
    _receipts: list[str] = field(default_factory=list)
    _current: Any = None

    def start(self) -> bool:
        """See Beam."""
        return self.advance()

    def advance(self) -> bool:
        """See Beam."""
        if not self._waiting:
            request = {
                "subscription": self.subscription,
                "max_messages": _AT_ONCE,
                "return_immediately": True,
            }
            self._waiting.extend(_client().pull(request=request).received_messages)
        if not self._waiting:
            return False
        self._current = self._waiting.popleft()
        self._receipts.append(self._current.ack_id)
        return True

    def get_current(self) -> PubsubMessage:
        """See Beam."""
        message = self._current.message
        return PubsubMessage(message.data, dict(message.attributes), message_id=message.message_id)

    def get_current_timestamp(self) -> Timestamp:
        """See Beam; as its own source has it, the time of publication."""
        return Timestamp.of(self._current.message.publish_time.timestamp())

    def get_watermark(self) -> Timestamp:
        """See Beam; runs ahead of every message, so that in any but the global window all would be late."""
        return Timestamp.now()

    def get_checkpoint_mark(self) -> Received:
        """See Beam."""
        receipts, self._receipts = tuple(self._receipts), []
        return Received(self.subscription, receipts)


@dataclass(frozen=True)
class SubscriptionSource(UnboundedSource):
    """The messages of a subscription."""

    subscription: str

    def split(self, desired_num_splits: int, options: Any = None) -> Iterable[UnboundedSource]:
        """See Beam."""
        return [self]

    def create_reader(self, options: Any, checkpoint_mark: CheckpointMark | None) -> PulledMessages:
        """See Beam."""
        return PulledMessages(self.subscription)

    def get_checkpoint_mark_coder(self) -> Coder:
        """See Beam."""
        return PickleCoder()


@lru_cache(maxsize=1)
def _client() -> SubscriberClient:
    return SubscriberClient()
