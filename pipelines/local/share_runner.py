"""A run on one machine: workers take tracks in shares, work them and commit them, share by share.

Each worker is a thread with a Beam pipeline of its own for every share of tracks: the decoders, torch and
OpenVINO release the interpreter's lock. A pipeline takes track after track, and a worker that is done begins
the next share at once, so no core waits for another. Tracks in flight never exceed ``--wave_tracks``.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from types import SimpleNamespace

import apache_beam as beam
from apache_beam.metrics.metric import MetricResults
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from tonearm.pipelines.local.shares import NotedFailures, Share, SharePlan, TrackSource, dealt
from tonearm.pipelines.runs.metrics import counters, stage_seconds
from tonearm.pipelines.runs.record import CountsError, RunRecord
from tonearm.transforms.audio.isolation.isolated_reader import start_decoders
from tonearm.transforms.elements.arrival import track_of
from tonearm.transforms.elements.input_kind import InputKind
from tonearm.transforms.tables.contract import Output, TableWriter
from tonearm.transforms.tables.holding.hold import Hold
from tonearm.transforms.tables.rows import Provenance
from tonearm.transforms.tables.schemas import PER_TRACK_TABLES, SPECTROGRAMS
from tonearm.transforms.tagging.counting import OnFailure

SHARE_SECONDS = 25.0
"""A share closes after so long: a kill costs each worker half a minute of work at most, and one track."""

FIRST_SHARES_SECONDS = 10.0
"""A run's first shares close after so long, as a kill would else cost a short run most of its work. A share
costs 0.13 s of processor time."""

SHARE_OF_RUN = 0.25
"""Later shares stay open for this part of the run's time so far, until ``SHARE_SECONDS`` are reached."""

COMMITS_SHARE_OF_PACE = 0.01
"""The part of a run's time that commits may take. Where they are slow, as into BigQuery, shares stay open
longer than ``SHARE_SECONDS``."""

ShareWork = Callable[[TableWriter, Provenance, OnFailure], beam.PTransform]
"""Makes the graph of a share, from its arrivals to the rows that its writer takes; called for each share."""

_logger = logging.getLogger(__name__)


class ShareRunner:
    """Works the pending tracks of one run, share by share."""

    def __init__(
        self,
        source: TrackSource,
        output: Output,
        hold: Hold,
        work: ShareWork,
        record: RunRecord,
        plan: SharePlan,
        flags: Sequence[str] = (),
    ) -> None:
        """Set up a run.

        Args:
            source: Where tracks come from.
            output: The tables.
            hold: This run's hold on them; without it nothing more is committed.
            work: What becomes of a share's tracks.
            record: Counts of the run; brought up to date with every commit.
            plan: Workers, and how many tracks may be in flight.
            flags: Further Beam options, as on the command line.
        """
        self._source = source
        self._output = output
        self._hold = hold
        self._work_of = work
        self._record = record
        self._workers = plan.workers
        self._share_tracks = plan.share_tracks
        self._decoder = plan.decoder
        self._flags = list(flags)
        self._taking = threading.Lock()
        self._committing = threading.Lock()
        self._stopping = threading.Event()
        self._shares = 0
        self._commit_seconds = 0.0
        self._began = time.monotonic()
        self._in_work: set[str] = set()
        self.stage_seconds: defaultdict[str, float] = defaultdict(float)

    def run(self) -> None:
        """Work all tracks of the source; returns when every share is committed.

        Raises:
            Exception: The first error that stopped a worker; shares committed before it stay, and so does the
                run's row in ``runs``, without an end.
        """
        with (
            _without_temporary_folders(),
            ThreadPoolExecutor(self._workers, thread_name_prefix="worker") as pool,
        ):
            try:  # from the first worker on: the pool waits for those that run, however many could be started
                workers = [pool.submit(self._work) for _ in range(self._workers)]
                wait(workers, return_when=FIRST_EXCEPTION)
            finally:
                self.stop()
        try:
            for worker in workers:
                worker.result()
        except Exception:
            self._leave_record()
            raise
        self._record.ended = datetime.now(UTC)
        self._commit_with_record(f"{self._record.provenance.run_id}-end", Counter())

    def stop(self) -> None:
        """Take no further tracks; what is in flight is worked and committed."""
        self._stopping.set()
        self._source.stop()

    def _work(self) -> None:
        while share := self._begin_share():
            self._work_share(share)
            self._source.note_committed(share.tracks, share.failures)

    def _begin_share(self) -> Share | None:
        with self._taking:
            if self._stopping.is_set() or (first := self._source.first()) is None:
                return None
            self._shares += 1
            commit_id = f"{self._record.provenance.run_id}-{self._shares:06d}"
            self._in_work.add(commit_id)
            if track_of(first).input_kind is InputKind.AUDIO:
                start_decoders(len(self._in_work), self._decoder)  # they come up while the pipeline is made
            return Share(commit_id, first, self._source, self._share_tracks, self._open_seconds())

    def _open_seconds(self) -> float:
        """How long a share stays open: less at a run's start, and longer where commits are slow.

        The quickest commit so far tells how long one takes, as a slow one may have met a short outage.
        """
        since_start = time.monotonic() - self._began
        wanted = min(SHARE_SECONDS, max(FIRST_SHARES_SECONDS, since_start * SHARE_OF_RUN))
        return max(wanted, self._commit_seconds / COMMITS_SHARE_OF_PACE)

    def _work_share(self, share: Share) -> None:
        try:
            metrics = self._run_pipeline(share)
            self._commit(share, counters(metrics))
        except BaseException:
            self._output.discard(share.commit_id)
            raise
        finally:
            self._in_work.discard(share.commit_id)
        with self._committing:
            for stage, seconds in stage_seconds(metrics).items():
                self.stage_seconds[stage] += seconds

    def _run_pipeline(self, share: Share) -> MetricResults:
        pipeline = beam.Pipeline(runner=FnApiRunner(), options=PipelineOptions(self._flags))
        with dealt(share) as tracks:
            writer = self._output.staging_writer(share.commit_id)
            work = self._work_of(writer, self._record.provenance, NotedFailures(share.commit_id))
            pipeline | "Share" >> tracks | "Work" >> work
            result = pipeline.run()
            result.wait_until_finish()
        return result.metrics()

    def _commit(self, share: Share, counts: Counter[str]) -> None:
        """Check that each track has one outcome, then make the share visible with the run's new counts."""
        taken, ended = len(share.tracks), counts["tagged"] + counts["failed"] + counts["passed_over"]
        if ended != taken:
            raise CountsError(f"{taken} tracks went in and {ended} came out: {dict(counts)}")
        with self._committing:
            self._record.add(counts)
            began = time.monotonic()
            self._commit_with_record(share.commit_id, counts)
            took = time.monotonic() - began
            self._commit_seconds = min(self._commit_seconds or took, took)

    def _leave_record(self) -> None:
        """Write the row of a run that broke off, as far as the output can still be written to."""
        if not self._record.seen:
            return
        commit_id = f"{self._record.provenance.run_id}-broken"
        try:
            self._commit_with_record(commit_id, Counter())
        except Exception as error:  # the error that broke the run is the one to report
            with suppress(Exception):
                self._output.discard(commit_id)
            _logger.warning("the run's row could not be written (%s)", type(error).__name__)

    def _commit_with_record(self, commit_id: str, counts: Counter[str]) -> None:
        self._output.staging_writer(commit_id).write("runs", [self._record.row()])
        self._hold.require()
        rows = {table: counts[f"rows_{table}"] for table in (*PER_TRACK_TABLES, SPECTROGRAMS)}
        self._output.commit(commit_id, rows | {"runs": 1})


@contextmanager
def _without_temporary_folders() -> Iterator[None]:
    """Keep Beam from making a folder for every pipeline, which a kill would leave behind.

    It is meant for transforms in other languages, and there are none.
    """
    before = beam.pipeline.tempfile
    beam.pipeline.tempfile = SimpleNamespace(mkdtemp=lambda prefix: f"{os.devnull}/{prefix}")
    try:
        yield
    finally:
        beam.pipeline.tempfile = before
