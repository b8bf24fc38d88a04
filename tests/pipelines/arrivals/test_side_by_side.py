"""Messages and a sweep: neither waits for the other."""

from __future__ import annotations

from collections.abc import Sequence

from tonearm.pipelines.arrivals.contract import Delivery
from tonearm.pipelines.arrivals.side_by_side import MessagesBesideSweep
from tonearm.transforms.elements.arrival import track_of
from tonearm.transforms.elements.failure import Failure
from tonearm.transforms.elements.track import Track


class Waiting:
    """Announces what a test has put there, and notes for how long it was asked to wait."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)
        self.waits: list[float] = []
        self.acknowledged: list[str] = []
        self.is_closed = False

    def poll(self, count: int, wait_seconds: float) -> list[Delivery]:
        """The first ones."""
        self.waits.append(wait_seconds)
        taken, self.names = self.names[:count], self.names[count:]
        return [Delivery(Track(name, f"gs://b/{name}", "1"), name) for name in taken]

    def acknowledge(self, receipts: Sequence[str]) -> None:
        """Note it."""
        self.acknowledged += receipts

    def note_failures(self, failures: Sequence[Failure]) -> None:
        """Nothing is announced again."""

    def close(self) -> None:
        """Note it."""
        self.is_closed = True


def names(deliveries: list[Delivery]) -> list[str]:
    return [track_of(delivery.arrival).track_id for delivery in deliveries]


def test_messages_come_first_and_the_sweep_takes_the_room_that_they_leave() -> None:
    messages, sweep = Waiting("m1", "m2", "m3"), Waiting(*(f"s{number}" for number in range(1000)))
    both = MessagesBesideSweep(messages, sweep)
    assert names(both.poll(2, 5)) == ["m1", "m2"]
    assert names(both.poll(2, 5)) == ["m3", "s0"]
    messages.names = ["m4"]
    assert names(both.poll(2, 5)) == ["m4", "s1"]
    assert max(messages.waits + sweep.waits) == 0


def test_only_where_neither_has_anything_are_messages_waited_for() -> None:
    messages, sweep = Waiting(), Waiting()
    assert MessagesBesideSweep(messages, sweep).poll(2, 5) == []
    assert (messages.waits, sweep.waits) == ([0, 5], [0])


def test_receipts_are_the_messages_and_both_are_closed() -> None:
    messages, sweep = Waiting(), Waiting()
    both = MessagesBesideSweep(messages, sweep)
    both.acknowledge(["a"])
    both.close()
    assert (messages.acknowledged, sweep.acknowledged) == (["a"], [])
    assert messages.is_closed
    assert sweep.is_closed
