"""The ingest job on an engine such as Dataflow or Flink: the whole input or the unbounded source at once.

The engine keeps the state, so there are no waves: rows are gathered by count and time and written in batches
that are named by what is in them.
"""

from __future__ import annotations

from datetime import UTC, datetime

import apache_beam as beam
from apache_beam.io.gcp.pubsub import ReadFromPubSub
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions

from models.bundle import Tagger
from pipelines.counters import counters, stage_seconds
from pipelines.exit_codes import WrongCallError
from pipelines.graph import AnalyzeTracks
from pipelines.outputs import Output, output_at
from pipelines.report import print_summary
from pipelines.request import IngestRequest, new_record
from pipelines.run_record import RunRecord
from pipelines.stream import StreamRequest
from pipelines.streaming_graph import GATHERING_SECONDS, AnnouncedByMessages
from transforms.pending import ListPending
from transforms.sink import WriteTables


def ingest_on_engine(request: IngestRequest, tagger: Tagger) -> RunRecord:
    """Submit the graph and wait for its end; a stream ends when it is drained or cancelled.

    Raises:
        WrongCallError: The stream is of a kind that only a local run takes.
    """
    output = output_at(request.outputs)
    with output.opened():
        return _run(request, tagger, output)


def _run(request: IngestRequest, tagger: Tagger, output: Output) -> RunRecord:
    is_stream = isinstance(request.source, StreamRequest)
    record = new_record(request, tagger, mode="streaming" if is_stream else "batch")
    options = PipelineOptions(list(request.beam.flags))
    options.view_as(StandardOptions).streaming = is_stream
    pipeline = beam.Pipeline(options=options)
    settled = _announced(pipeline, request, tagger) | "Analyze" >> AnalyzeTracks(
        request.settings, tagger.front_end
    )
    settled | "Write" >> WriteTables(
        output.direct_writer(), record.provenance, max_wait_seconds=GATHERING_SECONDS if is_stream else None
    )
    _write_record(record, output)
    result = pipeline.run()
    result.wait_until_finish()
    record.add(counters(result.metrics()))
    record.ended = datetime.now(UTC)
    _write_record(record, output)
    print_summary(record, stage_seconds(result.metrics()), request.outputs)
    return record


def _write_record(record: RunRecord, output: Output) -> None:
    """Write the run's row so that it replaces what was written of it before."""
    wave = f"{record.provenance.run_id}-record"
    output.staging_writer(wave).write("runs", [record.row()])
    output.commit(wave)


def _announced(pipeline: beam.Pipeline, request: IngestRequest, tagger: Tagger) -> beam.PCollection:
    if not isinstance(request.source, StreamRequest):
        done_in = None if request.retag else request.ledger_output
        return (
            pipeline
            | "Input" >> beam.Create([request.source])
            | "List" >> beam.ParDo(ListPending(done_in, tagger.identity))
            | "Spread" >> beam.Reshuffle()
        )
    if not request.source.subscription or request.source.catch_up:
        raise WrongCallError(
            "an engine takes --subscription alone; run --watch and sweeps of a prefix on one machine, "
            "or `tonearm ingest PREFIX` beside the stream"
        )
    return (
        pipeline
        | "Messages" >> ReadFromPubSub(subscription=request.source.subscription, with_attributes=True)
        | "Announce" >> AnnouncedByMessages(request.source.wanted)
        | "Spread" >> beam.Reshuffle()
    )
