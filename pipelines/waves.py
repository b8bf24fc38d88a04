"""Waves: on one machine, so many tracks are taken, worked and committed before the next are.

Each worker is a thread with a Beam pipeline of its own for every share of tracks that it takes: the decoders,
torch and OpenVINO release the interpreter's lock. A worker that is done takes the next share at once, so no
core waits for another at a wave's end, and the tracks in flight never exceed one wave.
"""

from __future__ import annotations

import os
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from types import SimpleNamespace
from typing import Protocol

import apache_beam as beam
from apache_beam.metrics.metric import MetricResults
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from models.front_end import FrontEnd
from pipelines.counters import counters, stage_seconds
from pipelines.graph import AnalyzeTracks
from pipelines.outputs import Output
from pipelines.run_record import CountsError, RunRecord
from transforms.decode_isolated import close_decoders
from transforms.settings import AnalysisSettings
from transforms.sink import GatherInBundle, TableWriter, WriteTables
from transforms.sources import Announced


@dataclass(frozen=True, slots=True)
class WavePlan:
    """How a run is cut into waves.

    Attributes:
        workers: Threads, each with a pipeline of its own.
        wave_tracks: Tracks in flight at most; a kill costs no more than these.
    """

    workers: int
    wave_tracks: int


class TrackSource(Protocol):
    """Where a run's tracks come from; its methods may be called from any worker."""

    def take(self, count: int) -> list[Announced]:
        """The next tracks to work, at most so many; an empty list ends the run."""

    def settled(self, tracks: Sequence[Announced]) -> None:
        """Be told that tracks stand in the tables: what announced them may be forgotten."""

    def stop(self) -> None:
        """End a wait for further tracks."""


class BoundedSource:
    """A source that ends: the pending tracks of a folder or manifest.

    A wave of them is held ready, so that the end is seen coming and the last wave is shared fairly.

    Args:
        pending: The tracks.
        workers: How many workers take shares of them.
    """

    def __init__(self, pending: Iterator[Announced], workers: int) -> None:
        self._pending = pending
        self._workers = workers
        self._ready: list[Announced] = []

    def take(self, count: int) -> list[Announced]:
        """See :class:`TrackSource`."""
        wave = count * self._workers
        self._ready += islice(self._pending, wave - len(self._ready))
        if len(self._ready) < wave:
            count = min(count, self._fair_share())
        share, self._ready = self._ready[:count], self._ready[count:]
        return share

    def _fair_share(self) -> int:
        """Four fifths of a worker's part of what is left.

        Less would be more pipelines, each of which costs a tenth of a second; more leaves no tracks to
        even out what some took longer than others.
        """
        if self._workers == 1:
            return len(self._ready)
        return -(-4 * len(self._ready) // (5 * self._workers))

    def settled(self, tracks: Sequence[Announced]) -> None:
        """Nothing waits for the news: what is done is read from the tables."""

    def stop(self) -> None:
        """A listing is never waited for."""


class WaveRunner:
    """Works the pending tracks of one run, wave by wave."""

    def __init__(
        self,
        source: TrackSource,
        output: Output,
        settings: AnalysisSettings,
        front_end: FrontEnd,
        record: RunRecord,
        plan: WavePlan,
        flags: Sequence[str] = (),
    ) -> None:
        """Set up a run.

        Args:
            source: Where tracks come from.
            output: The tables, held for this run.
            settings: How tracks are analysed.
            front_end: The tagger's front end.
            record: Counts of the run; brought up to date with every commit.
            plan: Workers and size of a wave.
            flags: Further Beam options, as on the command line.
        """
        self._source = source
        self._output = output
        self._settings = settings
        self._front_end = front_end
        self._record = record
        self._workers = plan.workers
        self._share_tracks = max(1, plan.wave_tracks // plan.workers)
        self._flags = list(flags)
        self._taking = threading.Lock()
        self._committing = threading.Lock()
        self._stopping = threading.Event()
        self._waves = 0
        self.stage_seconds: defaultdict[str, float] = defaultdict(float)

    def run(self) -> None:
        """Work all tracks of the source; returns when every wave is committed.

        Raises:
            Exception: The first error that stopped a worker; waves committed before it stay.
        """
        with (
            _without_temporary_folders(),
            ThreadPoolExecutor(self._workers, thread_name_prefix="worker") as pool,
        ):
            workers = [pool.submit(self._work) for _ in range(self._workers)]
            try:
                wait(workers, return_when=FIRST_EXCEPTION)
            finally:
                self.stop()
        close_decoders()
        for worker in workers:
            worker.result()
        self._record.ended = datetime.now(UTC)
        self._commit_with_record(f"{self._record.provenance.run_id}-end")

    def stop(self) -> None:
        """Take no further tracks; what is in flight is worked and committed."""
        self._stopping.set()
        self._source.stop()

    def _work(self) -> None:
        while share := self._take_share():
            wave, tracks = share
            self._work_share(wave, tracks)
            self._source.settled(tracks)

    def _take_share(self) -> tuple[str, list[Announced]] | None:
        with self._taking:
            if self._stopping.is_set():
                return None
            tracks = self._source.take(self._share_tracks)
            if not tracks:
                return None
            self._waves += 1
            return f"{self._record.provenance.run_id}-{self._waves:06d}", tracks

    def _work_share(self, wave: str, tracks: list[Announced]) -> None:
        try:
            metrics = self._run_pipeline(self._output.staging_writer(wave), tracks)
            self._commit(wave, len(tracks), counters(metrics))
        except BaseException:
            self._output.discard(wave)
            raise
        with self._committing:
            for stage, seconds in stage_seconds(metrics).items():
                self.stage_seconds[stage] += seconds

    def _run_pipeline(self, writer: TableWriter, tracks: list[Announced]) -> MetricResults:
        pipeline = beam.Pipeline(runner=FnApiRunner(), options=PipelineOptions(self._flags))
        settled = (
            pipeline
            | "Share" >> beam.Create(tracks, reshuffle=False)
            | "Analyze" >> AnalyzeTracks(self._settings, self._front_end)
        )
        settled | "Write" >> WriteTables(GatherInBundle(), writer, self._record.provenance)
        result = pipeline.run()
        result.wait_until_finish()
        return result.metrics()

    def _commit(self, wave: str, taken: int, counts: Counter[str]) -> None:
        """Check that each track is settled once, then make the share visible with the run's new counts."""
        settled = counts["tagged"] + counts["failed"] + counts["passed_over"]
        if settled != taken:
            raise CountsError(f"{taken} tracks went in and {settled} came out: {dict(counts)}")
        with self._committing:
            self._record.add(counts)
            self._commit_with_record(wave)

    def _commit_with_record(self, wave: str) -> None:
        self._output.staging_writer(wave).write("runs", [self._record.row()])
        self._output.commit(wave)


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
