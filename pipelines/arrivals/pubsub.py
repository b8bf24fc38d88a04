"""Announcements from a Pub/Sub subscription to a bucket's notifications."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime

from google.api_core.exceptions import (
    DeadlineExceeded,
    Forbidden,
    GoogleAPICallError,
    InvalidArgument,
    NotFound,
    RetryError,
    Unauthenticated,
)
from google.cloud.pubsub_v1 import SubscriberClient
from google.pubsub_v1.types import PubsubMessage, ReceivedMessage

from tonearm.errors import WrongCallError
from tonearm.pipelines.arrivals.contract import Delivery
from tonearm.transforms.elements.failure import Failure
from tonearm.transforms.sources.notification import arrival_of_message

_logger = logging.getLogger(__name__)

LEASE_SECONDS = 60
"""How long a message stays ours after each extension; a killed run's messages come again after this."""

_EXTEND_EVERY_SECONDS = 20

_RECEIPTS_A_REQUEST = 500
"""Pub/Sub bounds a request to 512 KiB; receipts have some 200 bytes."""

_PULL_SECONDS = 60.0
"""How long Pub/Sub may hold a pull open. A pull that we end may have been answered already: its messages then
come again only when their leases run out. So pulls are long, and polls wait beside them."""

_PAUSE_SECONDS = 0.5
"""From a pull that failed to the next one."""

_CALL_SECONDS = 20.0
"""How long an acknowledgement or an extension may take; while Pub/Sub is away, the next one tries again."""

_PERMANENT_ERRORS = (NotFound, Forbidden, Unauthenticated, InvalidArgument)


class SubscriptionError(WrongCallError):
    """The subscription cannot be used; waiting will not help."""


class PubSubArrivals:
    """Pulls messages, keeps them leased while they are in flight, and acknowledges them when told to.

    Args:
        subscription: ``projects/PROJECT/subscriptions/NAME``.
    """

    def __init__(self, subscription: str) -> None:
        self._subscription = subscription
        self._client = SubscriberClient()
        self._pull_client = SubscriberClient()  # of its own, as closing it is what ends a pull
        self._puller = ThreadPoolExecutor(1, thread_name_prefix="pull")
        self._pull: Future[Sequence[ReceivedMessage]] | None = None
        self._leased: set[str] = set()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._is_away = False
        self._extender = threading.Thread(target=self._extend_leases, name="leases", daemon=True)
        self._extender.start()

    def poll(self, count: int, wait_seconds: float) -> list[Delivery]:
        """See :class:`Arrivals`; a pull that finds nothing goes on meanwhile.

        Raises:
            SubscriptionError: There is no such subscription, or none for this account.
        """
        if self._pull is None:
            self._pull = self._puller.submit(self._received, count)
        if not wait([self._pull], wait_seconds).done:
            return []
        received, self._pull = self._pull.result(), None
        deliveries, of_no_interest = [], []
        for each in received:
            message = each.message
            announced = arrival_of_message(message.message_id, message.attributes, message.data)
            if announced is None:
                of_no_interest.append(each.ack_id)
            else:
                deliveries.append(Delivery(announced, each.ack_id, _age_seconds(message)))
        self.acknowledge(of_no_interest)
        return deliveries

    def acknowledge(self, receipts: Sequence[str]) -> None:
        """See :class:`Arrivals`; what is not heard is delivered again and skipped."""
        with self._lock:
            self._leased.difference_update(receipts)
        for some in _in_requests(receipts):
            try:
                request = {"subscription": self._subscription, "ack_ids": some}
                self._client.acknowledge(request=request, timeout=_CALL_SECONDS)
            except (GoogleAPICallError, RetryError) as error:
                _logger.warning("messages could not be acknowledged (%s)", type(error).__name__)

    def note_failures(self, failures: Sequence[Failure]) -> None:
        """See :class:`Arrivals`; their rows stand in ``failures``, for ``tonearm retry``."""

    def close(self) -> None:
        """Give back what is not acknowledged, so that it is delivered again at once."""
        self._closing.set()
        self._pull_client.close()
        self._puller.shutdown()
        self._extender.join()
        self._set_deadline(self._held(), 0)
        self._client.close()

    def _received(self, count: int) -> Sequence[ReceivedMessage]:
        """Pull once, and lease what comes."""
        try:
            request = {"subscription": self._subscription, "max_messages": count}
            response = self._pull_client.pull(request=request, timeout=_PULL_SECONDS, retry=None)
        except DeadlineExceeded:
            return []
        except _PERMANENT_ERRORS as error:
            raise SubscriptionError(f"{self._subscription}: Pub/Sub says {type(error).__name__}") from error
        except (GoogleAPICallError, RetryError) as error:
            if not self._closing.is_set():
                self._note_away(error)
                self._closing.wait(_PAUSE_SECONDS)
            return []
        self._is_away = False
        receipts = [received.ack_id for received in response.received_messages]
        with self._lock:
            self._leased.update(receipts)
        self._set_deadline(receipts, LEASE_SECONDS)  # the subscription's own may be as short as ten seconds
        return response.received_messages

    def _note_away(self, error: Exception) -> None:
        """Warn once an outage."""
        if not self._is_away:
            _logger.warning("Pub/Sub cannot be reached (%s); trying until it can", type(error).__name__)
        self._is_away = True

    def _extend_leases(self) -> None:
        while not self._closing.wait(_EXTEND_EVERY_SECONDS):
            self._set_deadline(self._held(), LEASE_SECONDS)

    def _held(self) -> list[str]:
        with self._lock:
            return sorted(self._leased)

    def _set_deadline(self, receipts: Sequence[str], seconds: int) -> None:
        for some in _in_requests(receipts):
            request = {"subscription": self._subscription, "ack_ids": some, "ack_deadline_seconds": seconds}
            try:
                self._client.modify_ack_deadline(request=request, timeout=_CALL_SECONDS)
            except (GoogleAPICallError, RetryError) as error:
                _logger.warning("leases could not be extended (%s)", type(error).__name__)


def _in_requests(receipts: Sequence[str]) -> Iterator[list[str]]:
    for first in range(0, len(receipts), _RECEIPTS_A_REQUEST):
        yield list(receipts[first : first + _RECEIPTS_A_REQUEST])


def _age_seconds(message: PubsubMessage) -> float:
    """How long ago a message was published, as far as the clocks agree; 0 if it does not say."""
    if message.publish_time is None:
        return 0.0
    age: float = (datetime.now(UTC) - message.publish_time).total_seconds()
    return max(0.0, age)
