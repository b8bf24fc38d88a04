"""What every source of deliveries offers: tracks as they are announced, and a way to acknowledge them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tonearm.transforms.elements.arrival import Arrival
from tonearm.transforms.elements.failure import Failure


@dataclass(frozen=True, slots=True)
class Delivery:
    """An arrival, as a source of deliveries hands it over.

    Attributes:
        arrival: The track, or the failure that it is already.
        receipt: What acknowledges it to its source; None where the source wants no answer.
        age_seconds: How long ago it was announced.
        again: True if it failed in a way that may pass, and is announced to be tried again.
    """

    arrival: Arrival
    receipt: str | None = None
    age_seconds: float = 0.0
    again: bool = False


class DeliverySource(Protocol):
    """Where a stream's announcements come from."""

    def poll(self, count: int, wait_seconds: float) -> list[Delivery]:
        """Take what has arrived.

        Args:
            count: How many are wanted; a source may return a few more.
            wait_seconds: How long to wait for the first one, at most, even if the source hangs.
        """

    def acknowledge(self, receipts: Sequence[str]) -> None:
        """Say that these need not be delivered again."""

    def note_failures(self, failures: Sequence[Failure]) -> None:
        """Learn of failures that may pass: a source that can announces these tracks again later."""

    def close(self) -> None:
        """Let go of everything that is not acknowledged."""
