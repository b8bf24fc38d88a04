"""Counting outcomes: Beam's counters for the run's record, live counts for the progress line."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import apache_beam as beam
from apache_beam.metrics import Metrics

from tonearm.transforms.elements.failure import Failure
from tonearm.transforms.elements.stage_times import NAMESPACE
from tonearm.transforms.tagging.analysis import Outcome

OnFailure = Callable[[Failure], None]

FAILED_AS = "failed_as_"
"""Prefix of the counters of failures by their word."""

SHADOWS_FAILED = "shadows_failed"
"""Counter of tracks that a shadow has no row of."""


@dataclass
class LiveCounts:
    """Tracks that the present run has an outcome of so far; what is committed is in the run record."""

    tagged: int = 0
    failed: int = 0
    n_skipped: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def reset(self) -> None:
        """Begin a run."""
        with self._lock:
            self.tagged = self.failed = self.n_skipped = 0

    def add(self, *, failed: bool) -> None:
        """Count one track."""
        with self._lock:
            if failed:
                self.failed += 1
            else:
                self.tagged += 1

    def skip(self, count: int) -> None:
        """Count tracks that an earlier run has done."""
        with self._lock:
            self.n_skipped += count


LIVE = LiveCounts()
"""For display only: metrics of a pipeline that still runs cannot be read from a local runner."""


def count_failed_shadows(tracks: int) -> None:
    """Count tracks that a shadow has no row of; the tracks themselves are whole."""
    Metrics.counter(NAMESPACE, SHADOWS_FAILED).inc(tracks)


class CountOutcomes(beam.DoFn):  # type: ignore[misc]
    """Counts outcomes, and drops a failure whose row is in the tables already.

    Args:
        on_failure: Told of every failure, those that are dropped too.
    """

    def __init__(self, on_failure: OnFailure | None = None) -> None:
        self._on_failure = on_failure

    def process(self, outcome: Outcome) -> Iterator[Outcome]:
        """Pass on what has to be written."""
        failed = isinstance(outcome, Failure)
        LIVE.add(failed=failed)
        Metrics.counter(NAMESPACE, "failed" if failed else "tagged").inc()
        if isinstance(outcome, Failure):
            if self._on_failure:
                self._on_failure(outcome)
            Metrics.counter(NAMESPACE, f"{FAILED_AS}{outcome.error}").inc()
            if outcome.kind in outcome.track.past_failures:
                Metrics.counter(NAMESPACE, "failed_again").inc()
                return
        yield outcome
