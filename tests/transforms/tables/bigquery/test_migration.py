"""Tables of an earlier version in BigQuery: brought up to date, or refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from tests.catalog import tonearm, write_song
from tests.tracks import NOON, analysis_of
from tonearm.transforms.elements.track import Track
from tonearm.transforms.tables.bigquery import migration, schema
from tonearm.transforms.tables.bigquery.output import BigQueryOutput
from tonearm.transforms.tables.bigquery.stream import StreamWriter
from tonearm.transforms.tables.contract import OutputError
from tonearm.transforms.tables.reading import latest_tracks
from tonearm.transforms.tables.rows import Provenance, rows_of
from tonearm.transforms.tables.schemas import SCHEMAS

if TYPE_CHECKING:
    from tests.bigquery_datasets import ServedDataset

pytest_plugins = ["tests.bigquery_datasets"]


def with_columns(monkeypatch: pytest.MonkeyPatch, table: str, *fields: pa.Field) -> None:
    """Let a table have further columns, as a later version does."""
    monkeypatch.setitem(SCHEMAS, table, pa.schema([*SCHEMAS[table], *fields]))  # type: ignore[arg-type]


def column(name: str, kind: pa.DataType, *, nullable: bool = True) -> pa.Field:
    return pa.field(name, kind, nullable=nullable, metadata={"description": f"What {name} says"})


def test_a_dataset_of_before_gets_the_new_columns_and_keeps_its_rows(
    tmp_path: Path, target: ServedDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (write_song(tmp_path / f"{name}.flac") for name in ("before", "after"))
    assert tonearm("ingest", first, "--output", target.location) == 0
    with_columns(monkeypatch, "track_tags", column("key", pa.string()), column("tempo", pa.float32()))
    with_columns(monkeypatch, "runs", column("bundle_hash", pa.string()))
    assert [row["bundle_hash"] for row in target.rows("runs")] == [None]
    assert tonearm("show", target.location) == 0
    assert tonearm("ingest", second, "--output", target.location) == 0
    rows = target.rows("track_tags")
    assert sorted(Path(row["uri"]).stem for row in rows) == ["after", "before"]
    assert [(row["key"], row["tempo"]) for row in rows] == [(None, None)] * 2
    assert [row["bundle_hash"] for row in target.rows("runs")] == [None, None]
    fields = {
        field.name: field.description
        for field in target.server.client.get_table(f"{target.dataset}.track_tags").schema
    }
    assert fields["key"] == "What key says"
    assert tonearm("ingest", tmp_path, "--output", target.location) == 0
    assert target.counts() == (2, 0, 2, 0)


def test_descriptions_and_views_that_changed_are_replaced(
    target: ServedDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = BigQueryOutput(target.dataset)
    with monkeypatch.context() as patched:
        patched.setattr(schema, "_LATEST_TRACKS", "SELECT track_id, 1 AS old FROM {track_tags}")
        patched.setitem(schema._DESCRIPTIONS, "track_tags", "What it was.")
        output.prepare()
    output.prepare()
    told = target.server.client.get_table(f"{target.dataset}.track_tags").description
    assert told == schema._DESCRIPTIONS["track_tags"]
    assert target.query("SELECT track_id, analyzed_at FROM {dataset}.track_tags_latest") == []


def test_a_track_tagged_by_two_taggers_is_one_row_in_every_reading(
    target: ServedDataset,
) -> None:
    """Of each track the latest row, whichever tagger wrote it: as the README's query has it."""
    BigQueryOutput(target.dataset).prepare()
    for hour, tagger in ((12, "musicnn@1"), (13, "musicnn@2")):
        analysis = analysis_of(Track("one", "/music/one.flac"), at=NOON.replace(hour=hour), tagger=tagger)
        for name, rows in rows_of(analysis, Provenance(f"run-{hour}", tagger, "f")).items():
            StreamWriter(target.dataset).write(name, rows)
    latest = [{"track_id": "one", "tagger": "musicnn@2"}]
    assert target.query("SELECT track_id, tagger FROM {dataset}.track_tags_latest") == latest
    assert target.query("SELECT track_id, tagger FROM {dataset}.embeddings_latest") == latest
    assert [row["tagger"] for row in latest_tracks(target.location)] == ["musicnn@2"]


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ("CREATE TABLE {dataset}.track_tags (track_id STRING)", "has no column generation STRING REQUIRED"),
        ("CREATE VIEW {dataset}.segments AS SELECT 1 AS x", "is a VIEW and no TABLE"),
    ],
)
def test_tables_of_somebody_elses_are_refused_by_name(target: ServedDataset, made: str, said: str) -> None:
    target.query(made)
    with pytest.raises(OutputError, match=said):
        BigQueryOutput(target.dataset).prepare()


def test_a_column_of_another_type_is_refused_by_name(
    target: ServedDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        with_columns(patched, "failures", column("tries", pa.string()))
        BigQueryOutput(target.dataset).prepare()
    with_columns(monkeypatch, "failures", column("tries", pa.int64()))
    with pytest.raises(OutputError, match="has a column tries STRING NULLABLE in place of INTEGER NULLABLE"):
        BigQueryOutput(target.dataset).prepare()


def test_a_column_of_a_later_version_is_left_alone_unless_it_must_have_a_value(
    target: ServedDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        with_columns(patched, "runs", column("later", pa.string()))
        BigQueryOutput(target.dataset).prepare()
    BigQueryOutput(target.dataset).prepare()
    another = target.another()
    with monkeypatch.context() as patched:
        with_columns(patched, "runs", column("later", pa.string(), nullable=False))
        BigQueryOutput(another.dataset).prepare()
    with pytest.raises(OutputError, match="has a column later that must have a value"):
        BigQueryOutput(another.dataset).prepare()
    assert migration._type_of(schema.fields_of("runs")[0]) == "STRING"
