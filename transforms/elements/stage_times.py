"""How long each stage takes: seconds gathered per track, shown as Beam distributions on any runner."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

NAMESPACE = "tonearm"

TIMED_STAGES = ("fetch", "decode", "resample", "mel", "network", "write")
"""The stages of the closing report, in the order the data meets them."""

Item = TypeVar("Item")


class StageTimes:
    """Wall time by stage for one track or one batch.

    Attributes:
        seconds: What was measured so far.
    """

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._nested = 0.0

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Add the time that the body takes, less what it measures itself for other stages."""
        begun = time.perf_counter()
        nested_outside, self._nested = self._nested, 0.0
        try:
            yield
        finally:
            elapsed = time.perf_counter() - begun
            self.seconds[stage] += elapsed - self._nested
            self._nested = nested_outside + elapsed

    def measure_each(self, stage: str, items: Iterable[Item]) -> Iterator[Item]:
        """Pass items through, adding the time that each takes to arrive."""
        iterator = iter(items)
        while True:
            with self.measure(stage):
                try:
                    item = next(iterator)
                except StopIteration:
                    return
            yield item

    def report(self) -> None:
        """Hand the times to Beam, one distribution a stage, in microseconds."""
        from apache_beam.metrics import Metrics  # four seconds; decoder processes measure and do not report

        for stage, seconds in self.seconds.items():
            Metrics.distribution(NAMESPACE, f"{stage}_us").update(int(seconds * 1e6))
