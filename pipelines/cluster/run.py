"""The ingest job on a cluster such as Dataflow or Flink: submitted, waited for and recorded."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
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

from tonearm.errors import WrongCallError
from tonearm.models.bundles.tagger import Tagger
from tonearm.pipelines.cluster.disks import require_seen
from tonearm.pipelines.cluster.flink import with_stream_options
from tonearm.pipelines.cluster.job import (
    JobEnd,
    JobFailedError,
    JobLeftError,
    JobOutOfSightError,
    submit,
    tell_name,
    wait_for,
)
from tonearm.pipelines.cluster.job_server import require_job_server
from tonearm.pipelines.cluster.signals import signals_every
from tonearm.pipelines.cluster.temporary_folder import own_temporary_folder
from tonearm.pipelines.following.followed_tagger import FollowRoot
from tonearm.pipelines.following.turn_rows import TurnRows
from tonearm.pipelines.graphs.backfill import TagBackfill
from tonearm.pipelines.graphs.stream import ArrivalsOfListings, ArrivalsOfMessages, TagStream, written_at_once
from tonearm.pipelines.reports.summary import print_summary
from tonearm.pipelines.runs.defaults import STREAMING_INSERTS
from tonearm.pipelines.runs.metrics import counters, stage_seconds
from tonearm.pipelines.runs.order import IngestOrder, new_record
from tonearm.pipelines.runs.record import CountsError, RunRecord
from tonearm.pipelines.runs.stream_input import StreamInput
from tonearm.transforms.elements.settings import AnalysisSettings
from tonearm.transforms.sources.listing import absolute_location
from tonearm.transforms.tables.contract import Output
from tonearm.transforms.tables.holding.hold import held
from tonearm.transforms.tables.holding.holder import Holder
from tonearm.transforms.tables.kinds import kind_of
from tonearm.transforms.tables.outputs import output_at
from tonearm.transforms.tagging.at_work import LoadTagger
from tonearm.transforms.tagging.stored_tagger import absolute_tagger

_logger = logging.getLogger(__name__)


def ingest_on_cluster(
    order: IngestOrder, tagger: Tagger, messages: beam.PTransform | None = None
) -> RunRecord:
    """Submit the graph and wait for its end, unless the order says not to; a stream ends when it is drained.

    Args:
        order: What to tag, how, and where to.
        tagger: What tags it.
        messages: A stream's source in place of its subscription: a root transform that yields messages.

    Raises:
        WrongCallError: The stream is of a kind that only a local run takes, or the cluster lacks an option.
        JobFailedError: The cluster gave up. What a backfill had written by then is in the tables.
        JobLeftError: The command was told to stop before a backfill's end.
        JobOutOfSightError: The cluster cannot be asked any more.
    """
    order = replace(order, settings=_with_absolute_taggers(order.settings))
    output = output_at(order.outputs)
    with own_temporary_folder():
        if isinstance(order.input, StreamInput):
            return _stream(order, order.input, tagger, output, messages)
        assert isinstance(order.input, str)  # the command refuses to retry on a cluster
        return _backfill(order, order.input, tagger, output)


def _backfill(order: IngestOrder, location: str, tagger: Tagger, output: Output) -> RunRecord:
    record = new_record(order, tagger, mode="batch")
    run_id = record.provenance.run_id
    pipeline = _pipeline(order, streaming=False)
    is_run = not _is_only_translated(order, pipeline.options)
    boards = output.boards() if is_run else ()
    graph = TagBackfill(
        order.settings,
        tagger,
        output,
        record.provenance,
        order.outputs,
        boards,
        input_kind=order.input_kind,
        retag=order.retag,
        network_hints=_network_hints(order),
    )
    pipeline | "Input" >> beam.Create([absolute_location(location)]) | graph
    if not is_run:
        return _translated(pipeline, record, output)
    with held(output, Holder.here(run_id, record.mode, outlives_process=True)) as hold:
        try:
            record = _run(pipeline, record, order, output)
        except JobFailedError as error:
            # What the job had written, whole batches only, need not be worked again.
            hold.require()
            output.finish_backfill(run_id, {})
            raise JobFailedError(f"{error}. The batches that it had written are in the tables") from error
        except (JobLeftError, JobOutOfSightError):
            hold.leave()
            raise
        if not order.waits:
            hold.leave()
    return record


def _stream(
    order: IngestOrder,
    source: StreamInput,
    tagger: Tagger,
    output: Output,
    messages: beam.PTransform | None,
) -> RunRecord:
    if source.catch_up:
        raise WrongCallError(
            "a stream on a cluster makes no sweep; take --watch, or `tonearm ingest PREFIX` beside the stream"
        )
    record = new_record(order, tagger, mode="streaming")
    pipeline = _pipeline(order, streaming=True)
    announce: beam.PTransform
    if source.watch:
        name, read = "Signals", signals_every(source.poll_seconds, pipeline.options)
        announce = ArrivalsOfListings(
            absolute_location(source.watch),
            source.poll_seconds,
            source.wanted,
            order.ledger_output,
            tagger.identity,
            order.input_kind,
            order.root,
            order.settings.canary,
        )
    else:
        name, read = "Messages", messages or _messages_of(source.subscription)
        announce = ArrivalsOfMessages(source.wanted, order.input_kind)
    sink = _sink(order, output, record)
    graph = TagStream(
        order.settings,
        tagger,
        announce,
        sink,
        load=_followed(order, tagger, output, record),
        network_hints=_network_hints(order),
    )
    with _services_in_java(pipeline.options):
        pipeline | name >> read | graph
    if _is_only_translated(order, pipeline.options):
        return _translated(pipeline, record, output)
    output.prepare()  # no hold: its rows are visible at once, and a batch run may write beside it
    try:
        return _run(pipeline, record, order, output)
    except JobLeftError as left:
        _logger.warning("%s", left)
        return record


def _pipeline(order: IngestOrder, *, streaming: bool) -> beam.Pipeline:
    options = PipelineOptions(list(order.beam.flags))
    require_seen(_places(order), options)
    require_job_server(options)
    if streaming:
        options = PipelineOptions(with_stream_options(order.beam.flags))
    options.view_as(StandardOptions).streaming = streaming
    try:
        return beam.Pipeline(options=options)
    except ValueError as error:
        raise WrongCallError(f"Beam says: {error}") from error


def _followed(order: IngestOrder, tagger: Tagger, output: Output, record: RunRecord) -> LoadTagger | None:
    """How workers follow the root that the tagger is current in; None if it was named by itself."""
    if not order.follows_root:
        return None
    fingerprint = tagger.front_end.fingerprint
    turn_rows = TurnRows(output, record.row())
    return FollowRoot(order.root, tagger.bundle_hash, fingerprint, order.ledger_output, turn_rows)


def _network_hints(order: IngestOrder) -> Mapping[str, str]:
    return order.gpu.network_hints if order.gpu else {}


def _places(order: IngestOrder) -> Iterator[str]:
    """What the machines of a cluster read and write by name."""
    if isinstance(order.input, str):
        yield order.input
    elif isinstance(order.input, StreamInput) and order.input.watch:
        yield order.input.watch
    yield from order.outputs
    for further in (order.settings.shadow, order.settings.canary):
        if further and further.location.startswith("/"):
            yield further.location
    if order.settings.tagger.startswith("/"):
        yield order.settings.tagger


def _with_absolute_taggers(settings: AnalysisSettings) -> AnalysisSettings:
    """Settings whose taggers a cluster's workers can read, which have another working folder."""
    shadow, canary = settings.shadow, settings.canary
    return replace(
        settings,
        tagger=absolute_tagger(settings.tagger),
        shadow=shadow and replace(shadow, location=absolute_tagger(shadow.location)),
        canary=canary and replace(canary, location=absolute_tagger(canary.location)),
    )


def _sink(order: IngestOrder, output: Output, record: RunRecord) -> beam.PTransform:
    if order.bigquery_write_method == STREAMING_INSERTS:
        return written_at_once(output, record.provenance)
    (location,) = order.outputs
    sink = kind_of(location).storage_api_sink(location, record.provenance)
    if sink is None:
        raise WrongCallError(f"--bigquery_write_method is for a bigquery:// dataset, and not for {location}")
    return sink


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


def _translated(pipeline: beam.Pipeline, record: RunRecord, output: Output) -> RunRecord:
    """Make the tables, and hand out the graph for somebody else to run."""
    output.prepare()
    pipeline.run()
    return record


def _run(pipeline: beam.Pipeline, record: RunRecord, order: IngestOrder, output: Output) -> RunRecord:
    output.write_run(record.row())
    result = submit(pipeline)
    if not order.waits:
        tell_name(result)
        return record
    is_stream = record.mode == "streaming"
    if wait_for(result, pipeline.options) is JobEnd.STOPPED and not is_stream:
        raise JobFailedError("the job was stopped with this command")
    _count(record, result, exact=not is_stream)
    record.ended = datetime.now(UTC)
    output.write_run(record.row())
    print_summary(record, stage_seconds(result.metrics()), order.outputs)
    return record


def _is_only_translated(order: IngestOrder, options: PipelineOptions) -> bool:
    """True if Dataflow's options ask for a classic template or a check, and not for a run.

    The launcher of a Flex Template names a place for a template too, and makes one job of it: a run that
    nobody waits for.
    """
    has_place = bool(options.view_as(GoogleCloudOptions).template_location)
    return options.view_as(TestOptions).dry_run or (has_place and order.waits)


def _count(record: RunRecord, result: PipelineResult, *, exact: bool) -> None:
    """Add what the cluster counted; of a stream it promises no more than an estimate."""
    try:
        record.add(counters(result.metrics()))
    except CountsError as error:
        if exact:
            raise
        _logger.warning("the counts of the run are left out: %s", error)
