"""The Storage Write API as far as it goes here: rows survive the way to Java, Dataflow takes the graph."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest
from apache_beam.coders import RowCoder
from apache_beam.io.gcp.bigquery_tools import beam_row_from_dict, get_beam_typehints_from_tableschema
from apache_beam.typehints.row_type import RowTypeConstraint
from apache_beam.typehints.schemas import typing_to_runner_api

from tests.catalog import tonearm
from tests.tracks import NOON, analysis_of, shadowed
from tonearm.transforms.elements.track import Track
from tonearm.transforms.tables.bigquery.schema import fields_of
from tonearm.transforms.tables.bigquery.storage_write import _tagged_rows
from tonearm.transforms.tables.rows import Provenance
from tonearm.transforms.tables.schemas import PER_TRACK_TABLES

if TYPE_CHECKING:
    from tests.bigquery_datasets import ServedDataset

pytest_plugins = ["tests.bigquery_datasets", "tests.servers.java_services"]

TRACK = Track("one", "/music/one.flac", "1-10", metadata={"title": "One"})
OUTCOME = shadowed(analysis_of(TRACK))
PROVENANCE = Provenance("run", "musicnn@1", "98e098809151")
STREAM = (
    *("--subscription", "projects/my-project/subscriptions/uploads"),
    *("--bigquery_write_method", "STORAGE_WRITE_API"),
)
DATAFLOW = (
    *("--runner", "DataflowRunner", "--dry_run", "true", "--no_auth", "--project", "my-project"),
    *("--region", "europe-west1", "--temp_location", "gs://bucket/temporary"),
)


@pytest.mark.parametrize("table", [each for each in PER_TRACK_TABLES if each != "failures"])
def test_rows_survive_the_way_to_java(table: str) -> None:
    schema = {"fields": [field.to_api_repr() for field in fields_of(table)]}
    hints = get_beam_typehints_from_tableschema(schema, {"DATE": date})
    coder = RowCoder(typing_to_runner_api(RowTypeConstraint.from_fields(hints)).row_type.schema)
    rows = [tagged.value for tagged in _tagged_rows(OUTCOME, PROVENANCE) if tagged.tag == table]
    assert rows
    for row in rows:
        back = coder.decode(coder.encode(beam_row_from_dict(row, schema)))
        assert (back.track_id, back.ingest_date) == ("one", NOON.date())
        if table == "track_tags":
            assert back.analyzed_at.to_utc_datetime(has_tz=True) == datetime(2026, 3, 14, 12, tzinfo=UTC)
            assert [(tag.tag, tag.score) for tag in back.tags] == [("rock", 0.25)]
            assert [(pair.key, pair.value) for pair in back.metadata] == [("title", "One")]


@pytest.mark.slow
def test_dataflow_takes_the_graph(target: ServedDataset, bigquery_expansion: str) -> None:
    services = {"sdks:java:io:google-cloud-platform:expansion-service:build": bigquery_expansion}
    java = ("--beam_services", json.dumps(services))
    assert tonearm("ingest", *STREAM, *DATAFLOW, *java, "--output", target.location) == 0
    assert target.rows("runs") == []


@pytest.mark.parametrize(
    "arguments",
    [
        (*STREAM, "--output", "bigquery://my-project.tags"),
        (*STREAM, *DATAFLOW, "--output", "bigquery://my-project.tags", "--output", "tables"),
        (*STREAM[2:], ".", *DATAFLOW, "--output", "bigquery://my-project.tags"),
    ],
)
def test_it_is_for_a_stream_on_an_engine_into_bigquery_alone(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert tonearm("ingest", *arguments) == 2
    assert "--bigquery_write_method" in capsys.readouterr().err
