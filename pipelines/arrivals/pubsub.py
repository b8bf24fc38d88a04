"""Announcements from a Pub/Sub subscription to a bucket's notifications."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime

from google.api_core.exceptions import (
    DeadlineExceeded,
    FailedPrecondition,
    Forbidden,
    GoogleAPICallError,
    InvalidArgument,
    MethodNotImplemented,
    NotFound,
    RetryError,
    Unauthenticated,
)
from google.auth.exceptions import GoogleAuthError
from google.cloud.pubsub_v1 import SubscriberClient
from google.pubsub_v1.types import PubsubMessage, ReceivedMessage

from tonearm.errors import WrongCallError
from tonearm.pipelines.arrivals.contract import Delivery
from tonearm.pipelines.arrivals.leases import Leases
from tonearm.pipelines.arrivals.outage import Outage
from tonearm.transforms.elements.failure import Failure
from tonearm.transforms.sources.notification import arrival_of_message

_PULL_SECONDS = 60.0
"""How long Pub/Sub may hold a pull open. A pull that we end may have been answered already: its messages then
come again only when their leases run out. So pulls are long, and polls wait beside them."""

_PAUSE_SECONDS = 0.5
"""Pause between a pull that failed and the next one."""

_REFUSALS = (
    NotFound,
    Forbidden,
    Unauthenticated,
    InvalidArgument,
    MethodNotImplemented,
    FailedPrecondition,  # a push subscription, one that exports, or one that was detached
)
"""Errors that waiting does not help."""


class SubscriptionError(WrongCallError):
    """The subscription cannot be pulled; waiting will not help."""


class PubSubDeliveries:
    """Pulls messages, keeps them leased while they are in flight, and acknowledges them when told to.

    Args:
        subscription: ``projects/PROJECT/subscriptions/NAME``.

    Raises:
        SubscriptionError: There are no credentials.
    """

    def __init__(self, subscription: str) -> None:
        self._subscription = subscription
        self._client = _client()
        self._pull_client = _client()  # a second client, as only closing it ends a pull
        self._puller = ThreadPoolExecutor(1, thread_name_prefix="pull")
        self._pull: Future[Sequence[ReceivedMessage]] | None = None
        self._leases = Leases(subscription, self._client)
        self._closing = threading.Event()
        self._outage = Outage()

    def poll(self, count: int, wait_seconds: float) -> list[Delivery]:
        """See :class:`DeliverySource`; a pull that finds nothing goes on meanwhile.

        Raises:
            SubscriptionError: The subscription cannot be pulled, for Pub/Sub's reason.
        """
        if self._pull is None:
            self._pull = self._puller.submit(self._received, count)
        if not wait([self._pull], wait_seconds).done:
            return []
        received, self._pull = self._pull.result(), None
        deliveries, of_no_interest = [], []
        for each in received:
            message = each.message
            arrival = arrival_of_message(message.message_id, message.attributes, message.data)
            if arrival is None:
                of_no_interest.append(each.ack_id)
            else:
                deliveries.append(Delivery(arrival, each.ack_id, _age_seconds(message)))
        self.acknowledge(of_no_interest)
        return deliveries

    def acknowledge(self, receipts: Sequence[str]) -> None:
        """See :class:`DeliverySource`; does not wait. What Pub/Sub does not hear, it delivers again."""
        self._leases.acknowledge(receipts)

    def note_failures(self, failures: Sequence[Failure]) -> None:
        """See :class:`DeliverySource`; their rows are in ``failures``, where ``tonearm retry`` finds them."""

    def close(self) -> None:
        """Give back what is not acknowledged, so that it is delivered again at once."""
        self._closing.set()
        self._pull_client.close()
        self._puller.shutdown()
        self._leases.close()
        self._client.close()

    def _received(self, count: int) -> Sequence[ReceivedMessage]:
        """Pull once, and lease what comes."""
        try:
            request = {"subscription": self._subscription, "max_messages": count}
            response = self._pull_client.pull(request=request, timeout=_PULL_SECONDS, retry=None)
        except DeadlineExceeded:
            return []
        except _REFUSALS as error:
            raise SubscriptionError(
                f"{self._subscription} cannot be pulled: Pub/Sub says {_said(error)}"
            ) from error
        except (GoogleAPICallError, RetryError) as error:
            if not self._closing.is_set():
                self._outage.note(f"Pub/Sub cannot be reached ({_kind(error)}); trying until it can")
                self._closing.wait(_PAUSE_SECONDS)
            return []
        self._outage.over()
        self._leases.take([received.ack_id for received in response.received_messages])
        return response.received_messages


def _client() -> SubscriberClient:
    try:
        return SubscriberClient()
    except GoogleAuthError as error:
        raise SubscriptionError(
            "--subscription: no Google credentials; run `gcloud auth application-default login`, or let "
            f"GOOGLE_APPLICATION_CREDENTIALS name a key file ({type(error).__name__})"
        ) from error


def _said(error: GoogleAPICallError) -> str:
    """Pub/Sub's own words, on one line."""
    return f"{type(error).__name__}: {' '.join(str(error.message).split())[:300]}"


def _kind(error: Exception) -> str:
    """What kind of passing error it is; gRPC reports credentials that fail as a connection that fails."""
    is_refresh = isinstance(error, GoogleAPICallError) and "metadata from plugin" in str(error.message)
    return "the Google credentials cannot be refreshed" if is_refresh else type(error).__name__


def _age_seconds(message: PubsubMessage) -> float:
    """How long ago a message was published, as far as the clocks agree; 0 if it does not say."""
    if message.publish_time is None:
        return 0.0
    age: float = (datetime.now(UTC) - message.publish_time).total_seconds()
    return max(0.0, age)
