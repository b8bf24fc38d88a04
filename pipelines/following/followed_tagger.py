"""A cluster's stream that follows a bundle root: each worker reads the pointer and changes over by itself.

Bundles in a root never change, so every worker can load what is current wherever it runs. For some seconds
two workers may have different taggers; each row names its own.
"""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections import deque
from dataclasses import dataclass

from apache_beam.metrics import Metrics

from tonearm.models.bundles.files import BundleError
from tonearm.models.bundles.tagger import Tagger
from tonearm.models.engines.shared import forget_engine, shared_engine
from tonearm.pipelines.following.succession import Succession
from tonearm.pipelines.following.turn_rows import TurnRows
from tonearm.pipelines.runs.bundles.changed_bundle import require_same_bundle
from tonearm.transforms.elements.settings import AnalysisSettings
from tonearm.transforms.elements.stage_times import NAMESPACE
from tonearm.transforms.tables.schemas import Row
from tonearm.transforms.tagging.at_work import LoadedTagger, LoadPinned

LOOK_SECONDS = 10.0
"""A worker reads the pointer, a small object, before a batch of tracks, and no more often than this."""

TAKEN_OVER = "taggers_taken_over"
"""Counter of changes, over all workers."""

REFUSED_TAKEOVERS = "taggers_refused"
"""Counter of changes that could not be, over all workers, each time that a worker tells of one."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FollowRoot:
    """Brings the taggers of a root to work on a worker, one after the other; pickled to the workers.

    Attributes:
        root: The bundle root.
        bundle_sha256: Of the bundle that was current when the job was submitted.
        fingerprint: Of its front end, which the job keeps.
        ledger_output: Its tables say which bundle of a name and version they hold rows of.
        turn_rows: Tell of each turn.
    """

    root: str
    bundle_sha256: str
    fingerprint: str
    ledger_output: str
    turn_rows: TurnRows

    def __call__(self, settings: AnalysisSettings) -> FollowedTagger:
        """Load the bundle that is current.

        Raises:
            BundleError: Neither that one nor any other that a worker could go on with can be loaded.
        """
        return FollowedTagger(settings, self)


class FollowedTagger:
    """The tagger of a worker process, which all of its threads share.

    While one thread loads the next bundle, the others go on with the one before. Its memory is free when the
    last of them has ended its batch.

    Args:
        settings: How tracks are analysed; the location of the bundle that was current at the job's start.
        follow: The root, and what is known of the job.
    """

    def __init__(self, settings: AnalysisSettings, follow: FollowRoot) -> None:
        self._precision = settings.precision
        self._ledger_output = follow.ledger_output
        self._turn_rows = follow.turn_rows
        self._succession = Succession(follow.root, follow.fingerprint, self._require_usable)
        self._looking = threading.Lock()
        self._look_again_at = 0.0
        self._uncounted: deque[str] = deque()
        self._unwritten: deque[Row] = deque()
        self._present = self._first(settings.tagger, LoadPinned(follow.bundle_sha256))

    def present(self) -> LoadedTagger:
        """The tagger for the next batch; looks at the pointer if it is time to."""
        if time.monotonic() >= self._look_again_at and self._looking.acquire(blocking=False):
            try:
                self._look()
                self._look_again_at = time.monotonic() + LOOK_SECONDS
            finally:
                self._looking.release()
        return self._present

    def _first(self, location: str, pinned: LoadPinned) -> LoadedTagger:
        """What a new worker begins with: the bundle that is current by now, or the one of the job's start."""
        missing: BundleError | None = None
        try:
            tagger: Tagger | None = pinned.require(location)
        except BundleError as error:
            tagger, missing = None, error
        successor = self._succession.after(tagger)
        if successor:
            tagger = successor.tagger
            self._unwritten.append(self._turn_rows.took_over(successor))
        if tagger is None:
            assert missing is not None  # or there is a tagger
            raise missing
        self._tell_of_refusal(tagger)
        return self._loaded(tagger)

    def _look(self) -> None:
        before = self._present.tagger
        successor = self._succession.after(before)
        self._tell_of_refusal(before)
        if successor:
            self._present = self._loaded(successor.tagger)
            _logger.warning("%s takes over from %s", successor.tagger.identity, before.identity)
            self._uncounted.append(TAKEN_OVER)
            self._unwritten.append(self._turn_rows.took_over(successor))
            forget_engine(before)
            gc.collect()
        self._count()
        self._write_rows()

    def _tell_of_refusal(self, present: Tagger) -> None:
        if refusal := self._succession.unheard_refusal():
            _logger.warning("%s goes on tagging: %s", present.identity, refusal.reason)
            self._uncounted.append(REFUSED_TAKEOVERS)
            self._unwritten.append(self._turn_rows.could_not(refusal, present))

    def _require_usable(self, tagger: Tagger) -> None:
        require_same_bundle(self._ledger_output, tagger)
        self._loaded(tagger)

    def _loaded(self, tagger: Tagger) -> LoadedTagger:
        return LoadedTagger(tagger, shared_engine(tagger, self._precision))

    def _count(self) -> None:
        """Count what has happened; at a worker's start Beam has no place to count it in."""
        while self._uncounted:
            Metrics.counter(NAMESPACE, self._uncounted.popleft()).inc()

    def _write_rows(self) -> None:
        """Write the rows of turns; what an output does not take now is tried again at the next look."""
        try:
            while self._unwritten:
                self._turn_rows.write(self._unwritten[0])
                self._unwritten.popleft()
        except Exception as error:  # whatever a store raises: no track is to fail for it
            _logger.warning("runs does not tell yet of a tagger's turn: %s", error)
