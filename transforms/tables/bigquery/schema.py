"""The tables as BigQuery declares them, derived from the schemas of the Parquet files."""

from __future__ import annotations

import pyarrow as pa
from google.cloud import bigquery

from tonearm.transforms.tables.bigquery.dataset import Dataset
from tonearm.transforms.tables.schemas import KEYS, PARTITION, SCHEMAS

_DESCRIPTIONS = {
    "track_tags": "One row per track, generation and tagger: what it sounds like.",
    "shadow_tags": "The same by a second tagger that is only looked at, if a run had one.",
    "segments": "Scores of the track's segments.",
    "embeddings": "One vector per track, for likeness and search.",
    "failures": "What could not be tagged, and why.",
    "runs": "Runs with their versions, settings and counts.",
}

_TYPES = {
    pa.string(): "STRING",
    pa.bool_(): "BOOLEAN",
    pa.int32(): "INTEGER",
    pa.int64(): "INTEGER",
    pa.float32(): "FLOAT",
    pa.float64(): "FLOAT",
    pa.date32(): "DATE",
    pa.timestamp("us", tz="UTC"): "TIMESTAMP",
}

ANY_DAY = f"{PARTITION} >= DATE '1970-01-01'"
"""A condition that all rows meet: tables may be set to refuse queries that name no partitions."""

_LATEST_TRACKS = """\
SELECT *
FROM {track_tags}
WHERE {any_day}
QUALIFY ROW_NUMBER() OVER (PARTITION BY track_id ORDER BY analyzed_at DESC, run_id DESC) = 1"""

_OF_LATEST_TRACKS = """\
SELECT part.*
FROM {table} AS part
JOIN {latest} AS latest USING (track_id, generation, tagger, run_id)
WHERE part.{any_day}
QUALIFY ROW_NUMBER() OVER (PARTITION BY {key}) = 1"""


def table_of(dataset: Dataset, name: str) -> bigquery.Table:
    """One of the six tables: partitioned by day, clustered so that one track's rows are read cheaply."""
    table = bigquery.Table(dataset.table(name), fields_of(name))
    table.description = _DESCRIPTIONS[name]
    table.time_partitioning = bigquery.TimePartitioning(field=PARTITION)
    table.clustering_fields = [KEYS[name][0]]
    return table


def views_of(dataset: Dataset) -> list[bigquery.Table]:
    """Views without what a stream delivered twice and what a later analysis replaced."""
    latest = dataset.quoted("track_tags_latest")
    queries = {
        "track_tags_latest": _LATEST_TRACKS.format(track_tags=dataset.quoted("track_tags"), any_day=ANY_DAY),
        "segments_latest": _part_of_latest(dataset, "segments", latest),
        "embeddings_latest": _part_of_latest(dataset, "embeddings", latest),
    }
    return [_view(dataset, name, query) for name, query in queries.items()]


def fields_of(name: str) -> list[bigquery.SchemaField]:
    """Columns of a table: lists are repeated, maps are repeated records of key and value."""
    return [_schema_field(field) for field in SCHEMAS[name]]


def load_schema(name: str) -> pa.Schema:
    """The schema of a file to load: as the table's own, with maps as lists, which load everywhere alike."""
    return pa.schema([field.with_type(_without_map(field.type)) for field in SCHEMAS[name]])


def map_columns(name: str) -> frozenset[str]:
    """Columns that are maps in Parquet and repeated records in BigQuery."""
    return frozenset(field.name for field in SCHEMAS[name] if pa.types.is_map(field.type))


def _part_of_latest(dataset: Dataset, name: str, latest: str) -> str:
    key = ", ".join(f"part.{column}" for column in KEYS[name])
    return _OF_LATEST_TRACKS.format(table=dataset.quoted(name), latest=latest, key=key, any_day=ANY_DAY)


def _view(dataset: Dataset, name: str, query: str) -> bigquery.Table:
    view = bigquery.Table(dataset.table(name))
    view.view_query = query
    view.description = f"The latest rows of {name.removesuffix('_latest')}, each track once."
    return view


def _schema_field(field: pa.Field) -> bigquery.SchemaField:
    kind = _without_map(field.type)
    mode = "NULLABLE" if field.nullable else "REQUIRED"
    if pa.types.is_list(kind):
        mode, kind = "REPEATED", kind.value_type
    is_record = pa.types.is_struct(kind)
    return bigquery.SchemaField(
        field.name,
        "RECORD" if is_record else _TYPES[kind],
        mode,
        description=field.metadata[b"description"].decode(),
        fields=[_schema_field(part) for part in kind] if is_record else (),
    )


def _without_map(kind: pa.DataType) -> pa.DataType:
    if not pa.types.is_map(kind):
        return kind
    key = kind.key_field.with_name("key").with_metadata({"description": "Name"})
    value = kind.item_field.with_name("value").with_metadata({"description": "Value"})
    return pa.list_(pa.field("element", pa.struct([key, value]), nullable=False))
