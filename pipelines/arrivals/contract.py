"""What every source of deliveries offers: tracks as they are announced, and a way to acknowledge them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tonearm.transforms.elements.arrival import Arrival
from tonearm.transforms.elements.failure import Failure


@dataclass(frozen=True, slots=True)
class Delivery:
    """Something announced.

    Attributes:
        arrival: The track, or the failure that it is already.
        receipt: What acknowledges it; None where there is nothing to say.
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
        """What has arrived, so many or little more; waits for the first so long at most, whatever is slow."""

    def acknowledge(self, receipts: Sequence[str]) -> None:
        """Say that these need not be delivered again."""

    def note_failures(self, failures: Sequence[Failure]) -> None:
        """Be told of failures that may pass, to announce these tracks again later where that can be done."""

    def close(self) -> None:
        """Let go of everything that is not acknowledged."""
