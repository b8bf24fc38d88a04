"""The ingest job: tags what an input names and writes the tables."""

from __future__ import annotations

import logging
import os
import signal
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from types import FrameType

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions

from models.bundle import Tagger
from pipelines.beam_options import BeamOptions
from pipelines.counters import counters, stage_seconds
from pipelines.graph import AnalyzeTracks
from pipelines.outputs import Output, ParquetOutput
from pipelines.report import print_summary, progress_shown
from pipelines.run_record import RunRecord
from pipelines.stream import StreamRequest, opened_stream
from pipelines.waves import BoundedSource, TrackSource, WavePlan, WaveRunner
from transforms.inference import cached_tagger
from transforms.ledger import Ledger
from transforms.parquet import ParquetWriter
from transforms.pending import ListPending, SkipReason, pending_tracks
from transforms.settings import AnalysisSettings
from transforms.sink import WriteTables
from transforms.sources import announced_tracks, count_announced
from transforms.tables import Provenance

_logger = logging.getLogger(__name__)

_ONE_THREAD = ("--direct_num_workers=1", "--direct_running_mode=in_memory")
"""The workers of a local run are our threads; Beam needs none of its own."""


@dataclass(frozen=True, slots=True)
class IngestRequest:
    """One call of the ingest job.

    Attributes:
        source: Folder, file, glob or manifest; or what a stream listens to.
        output: Folder or URL of the tables.
        settings: How tracks are analysed.
        retag: True to work tracks again that the tables hold already.
        wave_tracks: Tracks in flight at most on a local run.
        beam: Options for Beam.
    """

    source: str | StreamRequest
    output: str
    settings: AnalysisSettings
    retag: bool = False
    wave_tracks: int = 128
    beam: BeamOptions = field(default_factory=BeamOptions)


def ingest(request: IngestRequest) -> RunRecord:
    """Tag an input: on this machine in waves, on an engine in one graph; safe to kill and to run again.

    Returns:
        The run's counts; they reconcile.

    Raises:
        ManifestError: The manifest cannot be used.
        BundleError: The tagger cannot be loaded.
        OutputInUseError: Another run is writing to the output.
    """
    FileSystems.set_options(PipelineOptions(list(request.beam.flags)))
    tagger = cached_tagger(request.settings.tagger)
    if request.beam.is_local:
        return _ingest_in_waves(request, tagger)
    return _ingest_on_engine(request, tagger)


def _ingest_in_waves(request: IngestRequest, tagger: Tagger) -> RunRecord:
    is_stream = isinstance(request.source, StreamRequest)
    total = None if isinstance(request.source, StreamRequest) else count_announced(request.source)
    record = new_record(request, tagger, mode="streaming" if is_stream else "batch")
    output = ParquetOutput(request.output)
    with output.opened(), _source(request, tagger, record) as source:
        runner = _wave_runner(request, source, output, tagger, record, total)
        with progress_shown(record, total), _stopping_on_signals(runner):
            runner.run()
    print_summary(record, runner.stage_seconds, request.output)
    return record


@contextmanager
def _source(request: IngestRequest, tagger: Tagger, record: RunRecord) -> Iterator[TrackSource]:
    ledger = None if request.retag else Ledger.read(request.output, tagger.identity)
    on_skip = _skip_counter(record)
    if isinstance(request.source, StreamRequest):
        with opened_stream(request.source, ledger or Ledger(), on_skip) as stream:
            yield stream
    else:
        yield BoundedSource(pending_tracks(announced_tracks(request.source), ledger, on_skip))


def _ingest_on_engine(request: IngestRequest, tagger: Tagger) -> RunRecord:
    record = new_record(request, tagger, mode="batch")
    pipeline = beam.Pipeline(options=PipelineOptions(list(request.beam.flags)))
    done_in = None if request.retag else request.output
    settled = (
        pipeline
        | "Input" >> beam.Create([request.source])
        | "List" >> beam.ParDo(ListPending(done_in, tagger.identity))
        | "Spread" >> beam.Reshuffle()
        | "Analyze" >> AnalyzeTracks(request.settings, tagger.front_end)
    )
    settled | "Write" >> WriteTables(ParquetWriter(request.output), record.provenance)
    result = pipeline.run()
    result.wait_until_finish()
    record.add(counters(result.metrics()))
    record.ended = datetime.now(UTC)
    ParquetWriter(request.output).write("runs", [record.row()])
    print_summary(record, stage_seconds(result.metrics()), request.output)
    return record


def new_record(request: IngestRequest, tagger: Tagger, *, mode: str) -> RunRecord:
    """Begin the record of a run."""
    moment = datetime.now(UTC)
    run_id = f"{moment:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"
    settings = {name: str(value) for name, value in asdict(request.settings).items()}
    provenance = Provenance(run_id, tagger.identity, tagger.front_end.fingerprint)
    return RunRecord(provenance, mode, settings, started=moment)


def _wave_runner(
    request: IngestRequest,
    source: TrackSource,
    output: Output,
    tagger: Tagger,
    record: RunRecord,
    total: int | None,
) -> WaveRunner:
    workers = 1 if request.beam.in_processes else request.beam.workers or os.cpu_count() or 1
    plan = WavePlan(workers, request.wave_tracks, total)
    flags = request.beam.flags if request.beam.in_processes else (*request.beam.flags, *_ONE_THREAD)
    return WaveRunner(source, output, request.settings, tagger.front_end, record, plan, flags)


def _skip_counter(record: RunRecord) -> Callable[[SkipReason], None]:
    def count(reason: SkipReason) -> None:
        record.skipped[reason] += 1

    return count


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
