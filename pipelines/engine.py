"""The ingest job on an engine such as Dataflow or Flink: submitted, waited for and recorded."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import apache_beam as beam
from apache_beam.io.gcp.pubsub import ReadFromPubSub
from apache_beam.options.pipeline_options import (
    CrossLanguageOptions,
    GoogleCloudOptions,
    PipelineOptions,
    StandardOptions,
    TestOptions,
)
from apache_beam.runners.runner import PipelineResult
from apache_beam.utils.subprocess_server import JavaJarServer

from models.bundle import Tagger
from pipelines.counters import counters, stage_seconds
from pipelines.engine_graph import TagBackfill, TagStream, written_at_once
from pipelines.engine_job import JobEnd, JobFailedError, JobLeftError, submit, wait_for
from pipelines.exit_codes import WrongCallError
from pipelines.option_types import STREAMING_INSERTS
from pipelines.outputs import Output, output_at
from pipelines.report import print_summary
from pipelines.request import IngestRequest, new_record
from pipelines.run_record import CountsError, RunRecord
from pipelines.stream import StreamRequest

_logger = logging.getLogger(__name__)


def ingest_on_engine(
    request: IngestRequest, tagger: Tagger, messages: beam.PTransform | None = None
) -> RunRecord:
    """Submit the graph and wait for its end; a stream ends when it is drained.

    Args:
        request: What to tag, how, and where to.
        tagger: What tags it.
        messages: A stream's source in place of its subscription: a root transform that yields messages.

    Raises:
        WrongCallError: The stream is of a kind that only a local run takes, or the engine lacks an option.
        JobFailedError: The engine gave up. What a backfill had written by then is in the tables.
        JobLeftError: The command was told to stop before a backfill's end.
        JobOutOfSightError: The engine cannot be asked any more.
    """
    output = output_at(request.outputs)
    if isinstance(request.source, StreamRequest):
        return _stream(request, request.source, tagger, output, messages)
    return _backfill(request, tagger, output)


def _backfill(request: IngestRequest, tagger: Tagger, output: Output) -> RunRecord:
    record = new_record(request, tagger, mode="batch")
    pipeline = _pipeline(request, streaming=False)
    done_in = None if request.retag else request.ledger_output
    graph = TagBackfill(request.settings, tagger, output, record.provenance, done_in)
    pipeline | "Input" >> beam.Create([request.source]) | graph
    try:
        return _run(pipeline, record, request, output)
    except JobFailedError:
        # What the job had written, whole batches only, need not be worked again.
        output.commit(record.provenance.run_id)
        raise


def _stream(
    request: IngestRequest,
    source: StreamRequest,
    tagger: Tagger,
    output: Output,
    messages: beam.PTransform | None,
) -> RunRecord:
    if not source.subscription or source.catch_up:
        raise WrongCallError(
            "an engine takes --subscription alone; run --watch and sweeps of a prefix on one machine, "
            "or `tonearm ingest PREFIX` beside the stream"
        )
    record = new_record(request, tagger, mode="streaming")
    pipeline = _pipeline(request, streaming=True)
    read = messages or _messages_of(source.subscription)
    graph = TagStream(request.settings, tagger, source.wanted, _sink(request, output, record))
    with _services_in_java(pipeline.options):
        pipeline | "Messages" >> read | graph
    try:
        return _run(pipeline, record, request, output)
    except JobLeftError as left:
        _logger.warning("%s", left)
        return record


def _pipeline(request: IngestRequest, *, streaming: bool) -> beam.Pipeline:
    options = PipelineOptions(list(request.beam.flags))
    options.view_as(StandardOptions).streaming = streaming
    try:
        return beam.Pipeline(options=options)
    except ValueError as error:
        raise WrongCallError(f"Beam says: {error}") from error


def _sink(request: IngestRequest, output: Output, record: RunRecord) -> beam.PTransform:
    if request.bigquery_write_method == STREAMING_INSERTS:
        return written_at_once(output, record.provenance)
    from transforms.bigquery_client import Dataset
    from transforms.bigquery_storage_write import WriteByStorageApi

    (location,) = request.outputs
    return WriteByStorageApi(Dataset.at(location), record.provenance)


@contextmanager
def _services_in_java(options: PipelineOptions) -> Iterator[None]:
    """Let Java expand its parts of the graph by the services of ``--beam_services``, if any are named."""
    services = options.view_as(CrossLanguageOptions).beam_services
    try:
        with JavaJarServer.beam_services(services):
            yield
    except RuntimeError as error:
        raise WrongCallError(f"the Storage Write API needs Beam's Java service: {error}") from error


def _messages_of(subscription: str) -> beam.PTransform:
    try:
        return ReadFromPubSub(subscription=subscription, with_attributes=True)
    except ValueError as error:
        raise WrongCallError(f"Beam says: {error}") from error


def _run(pipeline: beam.Pipeline, record: RunRecord, request: IngestRequest, output: Output) -> RunRecord:
    with output.opened():
        """Now the tables are there. Nothing is held while the job runs: it may outlive this process."""
    if _is_only_translated(pipeline.options):
        pipeline.run()
        return record
    _write_record(record, output, "begun")
    result = submit(pipeline)
    is_stream = record.mode == "streaming"
    if wait_for(result, pipeline.options) is JobEnd.STOPPED and not is_stream:
        raise JobFailedError("the job was stopped with this command")
    _count(record, result, exact=not is_stream)
    record.ended = datetime.now(UTC)
    _write_record(record, output, "ended")
    print_summary(record, stage_seconds(result.metrics()), request.outputs)
    return record


def _is_only_translated(options: PipelineOptions) -> bool:
    """True if Dataflow's options ask for a template or a check, and not for a run."""
    return bool(options.view_as(GoogleCloudOptions).template_location or options.view_as(TestOptions).dry_run)


def _count(record: RunRecord, result: PipelineResult, *, exact: bool) -> None:
    """Add what the engine counted; of a stream it promises no more than an estimate."""
    try:
        record.add(counters(result.metrics()))
    except CountsError as error:
        if exact:
            raise
        _logger.warning("the counts of the run are left out: %s", error)


def _write_record(record: RunRecord, output: Output, moment: str) -> None:
    """Write the run's row so that it replaces what was written of it before."""
    wave = f"{record.provenance.run_id}-{moment}"
    output.staging_writer(wave).write("runs", [record.row()])
    output.commit(wave)
