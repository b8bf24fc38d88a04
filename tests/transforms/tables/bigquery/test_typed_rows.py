"""Schemas and rows for BigQuery, without a server."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.tracks import analysis_of, shadowed
from tonearm.transforms.elements.track import Track
from tonearm.transforms.tables.bigquery.dataset import Dataset
from tonearm.transforms.tables.bigquery.schema import fields_of, table_of
from tonearm.transforms.tables.bigquery.typed_rows import typed
from tonearm.transforms.tables.contract import OutputError
from tonearm.transforms.tables.refusal import MAX_REFUSED, BatchRefusedError, send_bisecting
from tonearm.transforms.tables.rows import Provenance, rows_of
from tonearm.transforms.tables.schemas import KEYS, PER_TRACK_TABLES, SCHEMAS, Row

TRACK = Track("one", "/music/one.flac", "1-10", metadata={"title": "One"})
ROWS = rows_of(shadowed(analysis_of(TRACK)), Provenance("run", "musicnn@1", "98e098809151"))


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_column_is_declared_with_its_description(name: str) -> None:
    fields = fields_of(name)
    assert [field.name for field in fields] == SCHEMAS[name].names
    records = [part for field in fields for part in field.fields]
    assert all(field.description for field in [*fields, *records])
    assert {field.name for field in fields if field.mode == "REQUIRED"} >= {*KEYS[name], "ingest_date"}


def test_lists_are_repeated_and_maps_are_records_of_key_and_value() -> None:
    fields = {field.name: field for field in fields_of("track_tags")}
    assert (fields["scores"].field_type, fields["scores"].mode) == ("FLOAT", "REPEATED")
    assert (fields["tags"].field_type, fields["tags"].mode) == ("RECORD", "REPEATED")
    assert [part.name for part in fields["metadata"].fields] == ["key", "value"]
    assert (fields["duration_s"].mode, fields["analyzed_at"].field_type) == ("NULLABLE", "TIMESTAMP")


@pytest.mark.parametrize("name", SCHEMAS)
def test_tables_are_partitioned_by_day_and_clustered_by_their_key(name: str) -> None:
    table = table_of(Dataset("project", "tags"), name)
    assert table.time_partitioning.field == "ingest_date"
    assert table.clustering_fields == [KEYS[name][0]]


@pytest.mark.parametrize("name", [each for each in PER_TRACK_TABLES if each != "failures"])
def test_typed_rows_are_the_rows(name: str) -> None:
    back = typed(name, ROWS[name]).to_pylist()
    if name in ("track_tags", "shadow_tags"):
        assert back[0].pop("metadata") == [{"key": "title", "value": "One"}]
    assert [row[column] for row in back for column in KEYS[name]] == [
        row[column] for row in ROWS[name] for column in KEYS[name]
    ]


@pytest.mark.parametrize(
    "unfit",
    [
        {"track_id": None},
        {"track_id": "\ud800"},
        {"track_id": 1},
        {"tags": None},
        {"channels": 1 << 40},
        {"analyzed_at": "noon"},
    ],
)
def test_a_value_that_does_not_fit_its_column_is_refused_here(unfit: dict[str, Any]) -> None:
    with pytest.raises(BatchRefusedError, match="does not fit"):
        typed("track_tags", [ROWS["track_tags"][0] | unfit])


def test_only_guilty_rows_are_refused_and_the_others_sent_once() -> None:
    guilty = {3, 4, 90}
    sent: list[int] = []

    def send(rows: list[Row]) -> None:
        numbers = [row["number"] for row in rows]
        if bad := guilty.intersection(numbers):
            raise BatchRefusedError(f"no {min(bad)}")
        sent.extend(numbers)

    refusals = send_bisecting([{"number": number} for number in range(100)], send)
    assert [(refusal.row["number"], refusal.reason) for refusal in refusals] == [
        (3, "no 3"),
        (4, "no 4"),
        (90, "no 90"),
    ]
    assert sent == [number for number in range(100) if number not in guilty]


def test_if_row_after_row_is_refused_the_rows_are_not_to_blame() -> None:
    def refuse(rows: list[Row]) -> None:
        raise BatchRefusedError("no such column")

    with pytest.raises(BatchRefusedError, match="row after row"):
        send_bisecting([{}] * (MAX_REFUSED + 1), refuse)


@pytest.mark.parametrize(
    "location",
    ["bigquery://one", "bigquery://a.b`", "bigquery://A.b", "bigquery://a.b/c", "bigquery://a.b.table"],
)
def test_a_misspelt_dataset_is_told_so(location: str) -> None:
    with pytest.raises(OutputError, match=r"project\.dataset"):
        Dataset.at(location)


@pytest.mark.parametrize("project", ["music", "my-music-1", "example.com:music"])
def test_a_location_names_project_and_dataset(project: str) -> None:
    assert Dataset.at(f"bigquery://{project}.Tags_1") == Dataset(project, "Tags_1")


def test_rows_carry_moments_with_their_zone() -> None:
    (moment,) = typed("track_tags", ROWS["track_tags"])["analyzed_at"].to_pylist()
    assert moment.astimezone(UTC) == datetime(2026, 3, 14, 12, tzinfo=UTC)
