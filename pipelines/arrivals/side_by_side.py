"""Messages and a sweep side by side: what is uploaded now does not wait for a listing of what was before."""

from __future__ import annotations

from collections.abc import Sequence

from tonearm.pipelines.arrivals.contract import Delivery, DeliverySource
from tonearm.transforms.elements.failure import Failure


class MessagesBesideSweep:
    """Takes messages first, and what a sweep of a prefix finds with the room that they leave.

    So a track that arrived while nobody listened, or whose notification was lost, is found all the same; and
    a sweep of a million objects delays no upload.

    Args:
        messages: What is announced now.
        sweep: What was there before.
    """

    def __init__(self, messages: DeliverySource, sweep: DeliverySource) -> None:
        self._messages = messages
        self._sweep = sweep

    def poll(self, count: int, wait_seconds: float) -> list[Delivery]:
        """See :class:`DeliverySource`."""
        deliveries = self._messages.poll(count, 0)
        if len(deliveries) < count:
            deliveries += self._sweep.poll(count - len(deliveries), 0)
        return deliveries or self._messages.poll(count, wait_seconds)

    def acknowledge(self, receipts: Sequence[str]) -> None:
        """See :class:`DeliverySource`."""
        self._messages.acknowledge(receipts)

    def note_failures(self, failures: Sequence[Failure]) -> None:
        """See :class:`DeliverySource`; neither announces anything twice."""

    def close(self) -> None:
        """See :class:`DeliverySource`."""
        self._sweep.close()
        self._messages.close()
