"""Time by stage: what a stage waits for inside another is told once."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tonearm.transforms.elements.stage_times import StageTimes


class Clock:
    """A clock that moves when told to."""

    now_s = 0.0

    def let_pass(self, seconds: float) -> None:
        """Move on."""
        self.now_s += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "perf_counter", lambda: clock.now_s)
    return clock


def test_time_measured_inside_another_stage_is_not_counted_twice(clock: Clock) -> None:
    times = StageTimes()
    with times.measure("mel"):
        clock.let_pass(1)
        with times.measure("resample"):
            clock.let_pass(2)
            with times.measure("decode"):
                clock.let_pass(4)
        clock.let_pass(8)
    assert times.seconds == {"decode": 4, "resample": 2, "mel": 9}


def test_waiting_for_items_is_time_of_the_stage_that_makes_them(clock: Clock) -> None:
    def made() -> Iterator[str]:
        for item in "abc":
            clock.let_pass(1)
            yield item

    times = StageTimes()
    with times.measure("network"):
        for _ in times.measure_each("decode", made()):
            clock.let_pass(10)
    assert times.seconds == {"decode": 3, "network": 30}


def test_an_error_passes_and_its_time_still_counts(clock: Clock) -> None:
    times = StageTimes()
    with pytest.raises(KeyError), times.measure("decode"):
        clock.let_pass(5)
        raise KeyError
    assert times.seconds == {"decode": 5}
