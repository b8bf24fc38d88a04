"""Messages that this run has taken: kept from being delivered again, acknowledged, or given back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from google.api_core.exceptions import Aborted, GoogleAPICallError, RetryError, ServiceUnavailable, Unknown
from google.api_core.retry import Retry, if_exception_type
from google.cloud.pubsub_v1 import SubscriberClient

from tonearm.pipelines.arrivals.outage import Outage

LEASE_SECONDS = 60
"""How long Pub/Sub leaves a message with us after each extension; those of a killed run come again then."""

EXTEND_EVERY_SECONDS = 20.0

CALL_SECONDS = 10.0
"""How long one answer to Pub/Sub may take; one that fails is sent again with the next."""

_RECEIPTS_A_REQUEST = 500
"""Pub/Sub bounds a request to 512 KiB; receipts have some 200 bytes."""

_RETRY = Retry(
    predicate=if_exception_type(Aborted, ServiceUnavailable, Unknown),
    initial=0.1,
    maximum=2.0,
    timeout=CALL_SECONDS,
)


class Leases:
    """Answers Pub/Sub from a thread of its own, so that neither tracks nor a stop wait for it.

    Where an answer is lost, the message is delivered again, and that delivery is skipped.

    Args:
        subscription: ``projects/PROJECT/subscriptions/NAME``.
        client: What answers go through.
    """

    def __init__(self, subscription: str, client: SubscriberClient) -> None:
        self._subscription = subscription
        self._client = client
        self._held: set[str] = set()
        self._taken: list[str] = []
        self._done: list[str] = []
        self._ending = False
        self._changed = threading.Condition()
        self._outage = Outage()
        self._thread = threading.Thread(target=self._answer, name="leases", daemon=True)
        self._thread.start()

    def take(self, receipts: Sequence[str]) -> None:
        """Hold messages from now on: their subscription's own deadline may be as short as ten seconds."""
        with self._changed:
            self._held.update(receipts)
            self._taken += receipts
            self._changed.notify()

    def acknowledge(self, receipts: Sequence[str]) -> None:
        """Tell Pub/Sub, before long, that these need not come again."""
        with self._changed:
            self._held.difference_update(receipts)
            self._done += receipts
            self._changed.notify()

    def close(self) -> None:
        """Send what is to be acknowledged and give all else back, so that it is delivered again at once.

        Takes no longer than three answers, ``3 * CALL_SECONDS``: what Pub/Sub does not hear by then comes
        again when its lease runs out.
        """
        with self._changed:
            self._ending = True
            self._changed.notify()
        self._thread.join(2 * CALL_SECONDS)
        self._set_deadline(sorted(self._held), 0)

    def _answer(self) -> None:
        extend_at = time.monotonic() + EXTEND_EVERY_SECONDS
        while True:
            with self._changed:
                self._changed.wait_for(self._has_work, max(0.0, extend_at - time.monotonic()))
                is_last = self._ending
                taken, self._taken = self._taken, []
                done, self._done = self._done, []
                held = sorted(self._held)
            if is_last:
                self._send_acknowledgements(done)
                return
            if time.monotonic() >= extend_at:
                self._set_deadline(held, LEASE_SECONDS)
                extend_at = time.monotonic() + EXTEND_EVERY_SECONDS
            else:
                self._set_deadline(taken, LEASE_SECONDS)
            self._send_acknowledgements(done)

    def _has_work(self) -> bool:
        return bool(self._taken or self._done or self._ending)

    def _send_acknowledgements(self, receipts: Sequence[str]) -> None:
        for some in _in_requests(receipts):
            if not self._send(self._client.acknowledge, ack_ids=some):
                return

    def _set_deadline(self, receipts: Sequence[str], seconds: int) -> None:
        for some in _in_requests(receipts):
            if not self._send(self._client.modify_ack_deadline, ack_ids=some, ack_deadline_seconds=seconds):
                return

    def _send(self, method: Callable[..., None], **request: Any) -> bool:
        """Send one answer; False if Pub/Sub did not hear it, and the further ones need not be tried."""
        try:
            method(
                request={"subscription": self._subscription, **request}, timeout=CALL_SECONDS, retry=_RETRY
            )
        except (GoogleAPICallError, RetryError) as error:
            self._outage.note(
                f"Pub/Sub does not take answers ({type(error).__name__}); messages may come again, "
                "and are skipped then"
            )
            return False
        self._outage.over()
        return True


def _in_requests(receipts: Sequence[str]) -> Iterator[list[str]]:
    for first in range(0, len(receipts), _RECEIPTS_A_REQUEST):
        yield list(receipts[first : first + _RECEIPTS_A_REQUEST])
