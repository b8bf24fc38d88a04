"""A run on one machine: workers take tracks in shares, work them and commit them, share by share.

Each worker is a thread with a Beam pipeline of its own for every share of tracks: the decoders, torch and
OpenVINO release the interpreter's lock. A pipeline takes track after track, and a worker that is done begins
the next share at once, so no core waits for another. Tracks in flight never exceed ``--wave_tracks``.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import suppress
from datetime import UTC, datetime

import apache_beam as beam
from apache_beam.metrics.metric import MetricResults
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from tonearm.pipelines.local.shares import NotedFailures, Share, SharePlan, TrackSource, dealt
from tonearm.pipelines.local.temporary_folders import without_temporary_folders
from tonearm.pipelines.local.turns import Turn, Turns
from tonearm.pipelines.runs.metrics import counters, stage_seconds
from tonearm.pipelines.runs.record import CountsError
from tonearm.transforms.audio.isolation.isolated_reader import start_decoders
from tonearm.transforms.elements.arrival import track_of
from tonearm.transforms.elements.input_kind import InputKind
from tonearm.transforms.tables.contract import Output
from tonearm.transforms.tables.holding.hold import Hold
from tonearm.transforms.tables.schemas import PER_TRACK_TABLES, SPECTROGRAMS

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

_logger = logging.getLogger(__name__)


class ShareRunner:
    """Works the pending tracks of one run, share by share, each by the tagger whose turn it is."""

    def __init__(
        self,
        source: TrackSource,
        output: Output,
        hold: Hold,
        turns: Turns,
        plan: SharePlan,
        flags: Sequence[str] = (),
    ) -> None:
        """Set up a run.

        Args:
            source: Where tracks come from.
            output: The tables.
            hold: This run's hold on them; without it nothing more is committed.
            turns: Who tags; a turn's record is brought up to date with every commit. A share that is open
                when the next turn comes ends in the turn that it began in.
            plan: Workers, and how many tracks may be in flight.
            flags: Further Beam options, as on the command line.
        """
        self._source = source
        self._output = output
        self._hold = hold
        self._turns = turns
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

    def run(self) -> None:
        """Work all tracks of the source; returns when every share is committed.

        Raises:
            Exception: The first error that stopped a worker; shares committed before it stay, and so does the
                run's row in ``runs``, without an end.
        """
        with (
            without_temporary_folders(),
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
            self._leave_records()
            raise
        self._end(self._turns.present)

    def stop(self) -> None:
        """Take no further tracks; what is in flight is worked and committed."""
        self._stopping.set()
        self._source.stop()

    def _work(self) -> None:
        while begun := self._begin_share():
            turn, share = begun
            self._work_share(turn, share)
            self._source.note_committed(share.tracks, share.failures)

    def _begin_share(self) -> tuple[Turn, Share] | None:
        with self._taking:
            if self._stopping.is_set() or (first := self._source.first()) is None:
                return None
            turn = self._present_turn()
            self._shares += 1
            commit_id = f"{turn.record.provenance.run_id}-{self._shares:06d}"
            self._in_work.add(commit_id)
            if track_of(first).input_kind is InputKind.AUDIO:
                start_decoders(len(self._in_work), self._decoder)  # they come up while the pipeline is made
            return turn, Share(commit_id, first, self._source, self._share_tracks, self._open_seconds())

    def _present_turn(self) -> Turn:
        """Whose turn it is for a share that begins now."""
        with self._committing:
            over = self._turns.move_on()
            if over and not over.open_shares:
                self._end(over)
            if self._turns.is_end_wanted:
                self.stop()
            self._turns.present.open_shares += 1
            return self._turns.present

    def _open_seconds(self) -> float:
        """How long a share stays open: less at a run's start, and longer where commits are slow.

        The quickest commit so far tells how long one takes, as a slow one may have met a short outage.
        """
        since_start = time.monotonic() - self._began
        wanted = min(SHARE_SECONDS, max(FIRST_SHARES_SECONDS, since_start * SHARE_OF_RUN))
        return max(wanted, self._commit_seconds / COMMITS_SHARE_OF_PACE)

    def _work_share(self, turn: Turn, share: Share) -> None:
        try:
            metrics = self._run_pipeline(turn, share)
            self._commit(turn, share, counters(metrics))
        except BaseException:
            self._output.discard(share.commit_id)
            raise
        finally:
            self._in_work.discard(share.commit_id)
        with self._committing:
            for stage, seconds in stage_seconds(metrics).items():
                turn.stage_seconds[stage] += seconds
            turn.open_shares -= 1
            if turn is not self._turns.present and not turn.open_shares:
                self._end(turn)

    def _end(self, turn: Turn) -> None:
        """Write the row of a turn that is over."""
        turn.record.ended = datetime.now(UTC)
        self._commit_with_record(turn, f"{turn.record.provenance.run_id}-end", Counter())
        turn.close()

    def _run_pipeline(self, turn: Turn, share: Share) -> MetricResults:
        pipeline = beam.Pipeline(runner=FnApiRunner(), options=PipelineOptions(self._flags))
        with dealt(share) as tracks:
            writer = self._output.staging_writer(share.commit_id)
            work = turn.work(writer, turn.record.provenance, NotedFailures(share.commit_id))
            pipeline | "Share" >> tracks | "Work" >> work
            result = pipeline.run()
            result.wait_until_finish()
        return result.metrics()

    def _commit(self, turn: Turn, share: Share, counts: Counter[str]) -> None:
        """Check that each track has one outcome, then make the share visible with the run's new counts."""
        taken, ended = len(share.tracks), counts["tagged"] + counts["failed"] + counts["passed_over"]
        if ended != taken:
            raise CountsError(f"{taken} tracks went in and {ended} came out: {dict(counts)}")
        with self._committing:
            turn.record.add(counts)
            began = time.monotonic()
            self._commit_with_record(turn, share.commit_id, counts)
            took = time.monotonic() - began
            self._commit_seconds = min(self._commit_seconds or took, took)

    def _leave_records(self) -> None:
        """Write the rows of a run that broke off, as far as the output can still be written to."""
        for turn in self._turns:
            if turn.record.seen and not turn.record.ended:
                self._leave_record(turn)

    def _leave_record(self, turn: Turn) -> None:
        commit_id = f"{turn.record.provenance.run_id}-broken"
        try:
            self._commit_with_record(turn, commit_id, Counter())
        except Exception as error:  # the error that broke the run is the one to report
            with suppress(Exception):
                self._output.discard(commit_id)
            _logger.warning("the run's row could not be written (%s)", type(error).__name__)

    def _commit_with_record(self, turn: Turn, commit_id: str, counts: Counter[str]) -> None:
        self._output.staging_writer(commit_id).write("runs", [turn.record.row()])
        self._hold.require()
        rows = {table: counts[f"rows_{table}"] for table in (*PER_TRACK_TABLES, SPECTROGRAMS)}
        self._output.commit(commit_id, rows | {"runs": 1})
