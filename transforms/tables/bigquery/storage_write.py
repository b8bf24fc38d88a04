"""BigQuery's Storage Write API by Beam's own sink, in place of streaming inserts.

The sink is written in Java: Beam fetches and starts it beside the command that submits the graph, or takes
the one that ``--beam_services`` names.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import apache_beam as beam
from apache_beam.io import BigQueryDisposition, WriteToBigQuery
from apache_beam.metrics import Metrics
from apache_beam.utils.timestamp import Timestamp

from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import Stage
from tonearm.transforms.elements.stage_times import NAMESPACE
from tonearm.transforms.tables.bigquery.dataset import Dataset
from tonearm.transforms.tables.bigquery.schema import fields_of
from tonearm.transforms.tables.bigquery.stream import StreamWriter
from tonearm.transforms.tables.bigquery.typed_rows import typed
from tonearm.transforms.tables.refusal import BatchRefusedError
from tonearm.transforms.tables.rows import Provenance, rows_of
from tonearm.transforms.tables.schemas import PER_TRACK_TABLES, SHADOW_TAGS, Row
from tonearm.transforms.tables.sink import count_as_refused, refused_track
from tonearm.transforms.tagging.analysis import Outcome
from tonearm.transforms.tagging.counting import count_failed_shadows

_logger = logging.getLogger(__name__)

_COMMIT_SECONDS = 5
"""Time between two commits of BigQuery's, which make rows visible."""

_STREAMS = 1
"""One stream takes megabytes per second; a track's rows have some ten kilobytes."""


class WriteByStorageApi(beam.PTransform):
    """Writes outcomes into the tables, which must exist, each row once.

    A row that BigQuery refuses is a row in ``failures``; other rows of its track may be written by then.
    """

    def __init__(self, dataset: Dataset, provenance: Provenance) -> None:
        super().__init__()
        self._dataset = dataset
        self._provenance = provenance

    def expand(self, outcomes: beam.PCollection[Outcome]) -> beam.PCollection[str]:
        """Return the track ids of refused rows."""
        rows = outcomes | "Rows" >> beam.FlatMap(_tagged_rows, self._provenance).with_outputs(
            *PER_TRACK_TABLES
        )
        refused = tuple(
            self._written(rows[table], table).failed_rows_with_errors
            | f"Of {table}" >> beam.Map(lambda refusal, table: (table, refusal), table)
            for table in PER_TRACK_TABLES
        )
        return (
            refused
            | "Refused" >> beam.Flatten()
            | "Note refusal" >> beam.Map(_note_refusal, StreamWriter(self._dataset))
        )

    def _written(self, rows: beam.PCollection[Row], table: str) -> Any:
        return rows | f"Write {table}" >> WriteToBigQuery(
            f"{self._dataset.project}:{self._dataset.name}.{table}",
            schema={"fields": [field.to_api_repr() for field in fields_of(table)]},
            method=WriteToBigQuery.Method.STORAGE_WRITE_API,
            create_disposition=BigQueryDisposition.CREATE_NEVER,
            triggering_frequency=_COMMIT_SECONDS,
            num_storage_api_streams=_STREAMS,
            type_overrides={"DATE": date},  # Beam has no type of its own for it
        )


def _tagged_rows(outcome: Outcome, provenance: Provenance) -> Iterator[Any]:
    try:
        tables = _typed_rows(outcome, provenance)
    except BatchRefusedError as error:
        tables = _typed_rows(refused_track(outcome, str(error)), provenance)
        count_as_refused(1)
    for table, rows in tables.items():
        Metrics.counter(NAMESPACE, f"rows_{table}").inc(len(rows))
        for row in rows:
            yield beam.pvalue.TaggedOutput(table, {name: _as_beam(value) for name, value in row.items()})


def _typed_rows(outcome: Outcome, provenance: Provenance) -> dict[str, list[Row]]:
    return {table: typed(table, rows).to_pylist() for table, rows in rows_of(outcome, provenance).items()}


def _as_beam(value: Any) -> Any:
    return Timestamp.from_utc_datetime(value.astimezone(UTC)) if isinstance(value, datetime) else value


def _note_refusal(refused: tuple[str, Any], failures: StreamWriter) -> str:
    """Write the failure; a track whose own row was refused is no longer counted as tagged.

    A shadow's row that was refused is left out, and the track stays as it is.
    """
    table, refusal = refused
    if table == SHADOW_TAGS:
        _logger.warning("a row of the shadow was refused")
        count_failed_shadows(1)
        Metrics.counter(NAMESPACE, f"rows_{SHADOW_TAGS}").dec()
        return str(refusal["failed_row"]["track_id"])
    row, now = refusal["failed_row"], datetime.now(UTC)
    common = {name: row[name] for name in ("track_id", "generation", "tagger", "run_id", "frontend")}
    failure = common | {
        "uri": row.get("uri", ""),
        "stage": str(Stage.WRITE),
        "error": str(ErrorWord.ROW_REFUSED),
        "message": f"{table}: {refusal['error_message']}",
        "retriable": False,
        "occurred_at": now,
        "ingest_date": now.date(),
    }
    failures.write("failures", [failure])
    if table == "track_tags":
        count_as_refused(1)
        Metrics.counter(NAMESPACE, "rows_track_tags").dec()
        Metrics.counter(NAMESPACE, "rows_failures").inc()
    return str(row["track_id"])
