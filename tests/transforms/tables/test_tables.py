"""The tables: the columns that were promised, and rows that any reader can take."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.catalog import table
from tests.tracks import NOON, analysis_of
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import Failure, Stage, TrackError
from tonearm.transforms.elements.readable import readable
from tonearm.transforms.elements.track import Track
from tonearm.transforms.tables.parquet.files import ParquetWriter
from tonearm.transforms.tables.rows import Provenance, rows_of
from tonearm.transforms.tables.schemas import PER_TRACK_TABLES, SCHEMAS, VISIBILITY_ORDER

PROVENANCE = Provenance("run", "musicnn@1", "98e098809151")
TRACK = Track("1", "/music/a.flac", "1-10", metadata={"title": "Ü"})

KEY = {"track_id", "generation", "tagger"}
TRACK_TAGS = (
    KEY
    | {"uri", "content_sha256", "ingest_date", "analyzed_at", "input_kind", "codec", "sample_rate_hz"}
    | {"channels", "duration_s", "decoded_s", "analyzed_s", "truncated", "tags", "scores", "metadata"}
    | {"downmix_loss_db", "run_id", "frontend", "level_db"}
)
COLUMNS = {
    "track_tags": TRACK_TAGS,
    "shadow_tags": TRACK_TAGS,
    "segments": KEY | {"segment_index", "start_s", "end_s", "scores", "ingest_date", "run_id", "frontend"},
    "embeddings": KEY | {"vector", "dim", "ingest_date", "run_id", "frontend"},
    "failures": KEY
    | {"uri", "stage", "error", "message", "retriable", "occurred_at", "ingest_date", "run_id", "frontend"}
    | {"spectrogram"},
    "runs": {"run_id", "mode", "tagger", "frontend", "versions", "settings", "started", "ended", "n_seen"}
    | {"n_tagged", "n_skipped", "n_failed", "ingest_date", "bundle_sha256"},
}


def written(folder: Path, *outcomes: object) -> Path:
    for each in outcomes:
        for name, rows in rows_of(each, PROVENANCE).items():  # type: ignore[arg-type]
            ParquetWriter(str(folder)).write(name, rows)
    return folder


@pytest.mark.parametrize("name", COLUMNS)
def test_a_table_has_the_columns_that_are_promised_and_each_is_described(name: str) -> None:
    assert set(SCHEMAS[name].names) == COLUMNS[name]
    assert all(field.metadata and field.metadata[b"description"] for field in SCHEMAS[name])


def test_a_track_becomes_visible_last_and_its_run_after_it() -> None:
    assert (*PER_TRACK_TABLES, "runs") == VISIBILITY_ORDER
    assert PER_TRACK_TABLES[-1] == "track_tags"


def test_an_analysis_comes_back_as_it_was_written(tmp_path: Path) -> None:
    written(tmp_path, analysis_of(TRACK))
    (row,) = table(tmp_path, "track_tags")
    assert row["ingest_date"] == NOON.date()
    assert row["analyzed_at"] == NOON
    assert row["scores"] == [0.25, 0.75]
    assert row["metadata"] == {"title": "Ü"}
    assert row["tags"] == [
        {
            "facet": "genre",
            "tag": "rock",
            "score": 0.25,
            "peak": 0.5,
            "presence": pytest.approx(0.1),
            "selected": True,
        }
    ]
    segments = table(tmp_path, "segments")
    assert [(segment["segment_index"], segment["end_s"]) for segment in segments] == [(0, 5.0), (1, 9.0)]
    (embedding,) = table(tmp_path, "embeddings")
    assert (embedding["dim"], embedding["vector"]) == (4, [1.0] * 4)


def test_the_rows_of_an_analysis_name_the_tagger_that_made_it_and_not_the_one_its_run_began_with() -> None:
    analysis = replace(analysis_of(TRACK, tagger="ours@2"), fingerprint="another")
    made_by = {
        (row["tagger"], row["frontend"]) for rows in rows_of(analysis, PROVENANCE).values() for row in rows
    }
    assert made_by == {("ours@2", "another")}


def test_empty_repeated_fields_are_empty_and_not_null(tmp_path: Path) -> None:
    bare = replace(analysis_of(replace(TRACK, metadata={})), tags=())
    written(tmp_path, bare)
    (row,) = table(tmp_path, "track_tags")
    assert row["tags"] == []
    assert row["metadata"] == {}


def test_the_partition_is_the_day_in_utc(tmp_path: Path) -> None:
    late = datetime.fromisoformat("2026-03-14T23:30:00-05:00")
    written(tmp_path, analysis_of(TRACK, at=late))
    (row,) = table(tmp_path, "track_tags")
    assert str(row["ingest_date"]) == "2026-03-15"
    assert row["analyzed_at"] == late.astimezone(UTC)


def test_a_name_that_is_no_utf_8_can_be_stored(tmp_path: Path) -> None:
    error = TrackError(Stage.DECODE, ErrorWord.UNDECODABLE, "caf\udce9")
    written(tmp_path, Failure.of(replace(TRACK, uri="/caf\udce9.mp3"), error))
    (row,) = table(tmp_path, "failures")
    assert (row["uri"], row["message"]) == ("file:///caf%E9.mp3", "caf\ufffd")
    assert readable("Ü\n") == "Ü\n"


def test_files_are_compressed_with_zstd(tmp_path: Path) -> None:
    written(tmp_path, analysis_of(TRACK))
    for path in tmp_path.rglob("*.parquet"):
        assert pq.ParquetFile(path).metadata.row_group(0).column(0).compression == "ZSTD"
