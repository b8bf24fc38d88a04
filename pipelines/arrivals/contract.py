"""What every source of deliveries offers: tracks as they are announced, and a way to acknowledge them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tonearm.transforms.elements.arrival import Arrival


@dataclass(frozen=True, slots=True)
class Delivery:
    """Something announced.

    Attributes:
        announced: The track.
        receipt: What acknowledges it; None where there is nothing to say.
        age_seconds: How long ago it was announced.
    """

    announced: Arrival
    receipt: str | None = None
    age_seconds: float = 0.0


class Arrivals(Protocol):
    """Where a stream's announcements come from."""

    def poll(self, count: int, wait_seconds: float) -> list[Delivery]:
        """What has arrived, at most so many; waits for the first one, at most so long."""

    def acknowledge(self, receipts: Sequence[str]) -> None:
        """Say that these need not be delivered again."""

    def close(self) -> None:
        """Let go of everything that is not acknowledged."""
