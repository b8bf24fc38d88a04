"""The ingest job: tags what an input names and writes the tables."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions

from models.bundle import Tagger
from models.engine import require_precision
from pipelines.beam_options import export_s3_options
from pipelines.bounded_source import BoundedSource
from pipelines.engine import ingest_on_engine
from pipelines.outputs import output_at
from pipelines.report import print_summary, progress_shown
from pipelines.request import IngestRequest, new_record
from pipelines.retry import RetryRequest, failed_tracks, retry_ledger
from pipelines.run_record import RunRecord
from pipelines.shares import TrackSource, WavePlan
from pipelines.stream import StreamRequest, opened_stream
from pipelines.waves import WaveRunner
from transforms.inference import cached_tagger
from transforms.ledger import Ledger
from transforms.pending import pending_tracks
from transforms.sources import announced_tracks, count_announced, require_usable

_logger = logging.getLogger(__name__)

_ONE_THREAD = ("--direct_num_workers=1", "--direct_running_mode=in_memory")
"""The workers of a local run are our threads; Beam needs none of its own."""


def ingest(request: IngestRequest) -> RunRecord:
    """Tag an input: on this machine in waves, on an engine in one graph; safe to kill and to run again.

    Returns:
        The run's counts; they reconcile.

    Raises:
        InputError: The input names nothing that there is.
        ManifestError: The manifest cannot be used.
        BundleError: The tagger cannot be loaded.
        PrecisionError: This machine lacks the precision.
        OutputInUseError: Another run is writing to the output.
        OutputError: An output cannot be written to.
        TrackError: The input cannot be listed.
        SubscriptionError: The subscription cannot be used.
    """
    export_s3_options(request.beam.flags)
    FileSystems.set_options(PipelineOptions(list(request.beam.flags)))
    if isinstance(request.source, str):
        require_usable(request.source)
    tagger = cached_tagger(request.settings.tagger)
    if request.beam.is_local:
        require_precision(request.settings.precision)
        return _ingest_in_waves(request, tagger)
    return ingest_on_engine(request, tagger)


def _ingest_in_waves(request: IngestRequest, tagger: Tagger) -> RunRecord:
    is_stream = isinstance(request.source, StreamRequest)
    total = count_announced(request.source) if isinstance(request.source, str) else None
    record = new_record(request, tagger, mode="streaming" if is_stream else "batch")
    output = output_at(request.outputs)
    plan = WavePlan(_workers(request), request.wave_tracks, request.beam.in_processes)
    flags = request.beam.flags if plan.in_processes else (*request.beam.flags, *_ONE_THREAD)
    with output.opened(), _source(request, tagger, record, plan) as source:
        runner = WaveRunner(source, output, request.settings, tagger.front_end, record, plan, flags)
        with progress_shown(record, total), _stopping_on_signals(runner):
            runner.run()
    print_summary(record, runner.stage_seconds, request.outputs)
    return record


@contextmanager
def _source(
    request: IngestRequest, tagger: Tagger, record: RunRecord, plan: WavePlan
) -> Iterator[TrackSource]:
    if isinstance(request.source, RetryRequest):
        failed = failed_tracks(request.source, tagger.identity)
        pending = pending_tracks(failed, retry_ledger(request.source, tagger.identity), record.skip)
        yield BoundedSource(pending, plan.wave_tracks)
        return
    ledger = None if request.retag else Ledger.read(request.ledger_output, tagger.identity)
    if isinstance(request.source, StreamRequest):
        with opened_stream(request.source, ledger or Ledger(), record.skip, plan) as stream:
            yield stream
    else:
        pending = pending_tracks(announced_tracks(request.source), ledger, record.skip)
        yield BoundedSource(pending, plan.wave_tracks)


def _workers(request: IngestRequest) -> int:
    if request.beam.in_processes:  # Beam starts its processes anew for every pipeline: the fewer, the better
        return 1
    return request.beam.workers or len(os.sched_getaffinity(0))


@contextmanager
def _stopping_on_signals(runner: WaveRunner) -> Iterator[None]:
    """On the first SIGINT or SIGTERM finish what is in flight; a second one ends the process at once."""

    def stop(number: int, frame: FrameType | None) -> None:
        _logger.warning("stopping: tracks in flight are finished and committed; again to stop at once")
        runner.stop()
        for each in before:
            signal.signal(each, signal.SIG_DFL)

    before = {each: signal.signal(each, stop) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
