"""The five tables: their schemas, and the rows that a settled track gives."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from transforms.analysis import TrackAnalysis
from transforms.failure import Failure
from transforms.track import Track

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Provenance:
    """What every row of a run has in common.

    Attributes:
        run_id: The run that wrote the row.
        tagger: ``name@version``.
        frontend: Fingerprint of the front end.
    """

    run_id: str
    tagger: str
    frontend: str


def _field(name: str, type_: pa.DataType, description: str, *, nullable: bool = False) -> pa.Field:
    return pa.field(name, type_, nullable=nullable, metadata={"description": description})


_TIMESTAMP = pa.timestamp("us", tz="UTC")
_FLOATS = pa.list_(pa.field("element", pa.float32(), nullable=False))

_KEY = [
    _field("track_id", pa.string(), "The catalog's id, or one derived from the URI"),
    _field("generation", pa.string(), "Version of the object that was read"),
    _field("tagger", pa.string(), "Bundle that tagged it, name@version"),
]
_ORIGIN = [
    _field("run_id", pa.string(), "The run that wrote the row"),
    _field("frontend", pa.string(), "Fingerprint of the front end"),
]
_INGEST_DATE = _field("ingest_date", pa.date32(), "UTC date of the analysis; the partition")

_TAG = pa.struct(
    [
        _field("facet", pa.string(), "genre, mood, instrument, voice, era or tempo"),
        _field("tag", pa.string(), "Canonical tag"),
        _field("score", pa.float32(), "Mean over the track's patches, 0 to 1"),
        _field("peak", pa.float32(), "Highest patch"),
        _field("presence", pa.float32(), "Share of patches above the tag's threshold"),
        _field("selected", pa.bool_(), "True if the tagger's selection rule picks it"),
    ]
)

SCHEMAS: Mapping[str, pa.Schema] = {
    "track_tags": pa.schema(
        [
            *_KEY,
            _field("uri", pa.string(), "Where the track was read from"),
            _field("content_sha256", pa.string(), "SHA-256 of the object's bytes"),
            _INGEST_DATE,
            _field("analyzed_at", _TIMESTAMP, "When the analysis ended"),
            _field("input_kind", pa.string(), "audio or spectrogram"),
            _field("codec", pa.string(), "Codec of the audio stream"),
            _field("sample_rate_hz", pa.int32(), "Rate before resampling"),
            _field("channels", pa.int32(), "Channels before mixing to mono"),
            _field(
                "duration_s", pa.float64(), "What the container says; null if it does not say", nullable=True
            ),
            _field("decoded_s", pa.float64(), "Seconds that were decoded"),
            _field("analyzed_s", pa.float64(), "Seconds that the network saw"),
            _field("truncated", pa.bool_(), "True if the file ends before it should"),
            _field(
                "tags", pa.list_(pa.field("element", _TAG, nullable=False)), "All tags, by facet and score"
            ),
            _field("scores", _FLOATS, "Raw track means in the tagger's output order"),
            _field("metadata", pa.map_(pa.string(), pa.string()), "The manifest's other columns"),
            *_ORIGIN,
        ]
    ),
    "segments": pa.schema(
        [
            *_KEY,
            _field("segment_index", pa.int32(), "Place in the track, from 0"),
            _field("start_s", pa.float64(), "Where the segment begins"),
            _field("end_s", pa.float64(), "Where it ends"),
            _field("scores", _FLOATS, "Means over the segment's patches"),
            _INGEST_DATE,
            *_ORIGIN,
        ]
    ),
    "embeddings": pa.schema(
        [
            *_KEY,
            _field("vector", _FLOATS, "Mean of the penultimate layers, networks side by side"),
            _field("dim", pa.int32(), "Length of the vector"),
            _INGEST_DATE,
            *_ORIGIN,
        ]
    ),
    "failures": pa.schema(
        [
            *_KEY,
            _field("uri", pa.string(), "Where the track was to be read from"),
            _field("stage", pa.string(), "Where in the graph it failed"),
            _field("error", pa.string(), "Stable word"),
            _field("message", pa.string(), "Sentence for people"),
            _field("retriable", pa.bool_(), "True if the same bytes may succeed at another time"),
            _field("occurred_at", _TIMESTAMP, "When it failed"),
            _INGEST_DATE,
            *_ORIGIN,
        ]
    ),
    "runs": pa.schema(
        [
            _field("run_id", pa.string(), "The run"),
            _field("mode", pa.string(), "batch or streaming"),
            _field("tagger", pa.string(), "Bundle, name@version"),
            _field("frontend", pa.string(), "Fingerprint of the front end"),
            _field("versions", pa.map_(pa.string(), pa.string()), "Versions of the code that ran"),
            _field("settings", pa.map_(pa.string(), pa.string()), "Settings of the run"),
            _field("started", _TIMESTAMP, "When it began"),
            _field(
                "ended", _TIMESTAMP, "When it ended; null while it runs or if it was killed", nullable=True
            ),
            _field("n_seen", pa.int64(), "Tracks seen = tagged + skipped + failed"),
            _field("n_tagged", pa.int64(), "Tracks tagged"),
            _field("n_skipped", pa.int64(), "Tracks tagged before, and files that are no audio"),
            _field("n_failed", pa.int64(), "Tracks that failed"),
            _INGEST_DATE,
        ]
    ),
}
"""Schemas of the Parquet files; ``ingest_date`` is the folder and not stored in the file."""

PARTITION = "ingest_date"

TRACK_KEY = ("track_id", "generation", "tagger")

KEYS: Mapping[str, tuple[str, ...]] = {
    "segments": (*TRACK_KEY, "segment_index"),
    "embeddings": TRACK_KEY,
    "failures": (*TRACK_KEY, "uri", "stage", "error"),
    "track_tags": TRACK_KEY,
    "runs": ("run_id",),
}
"""Columns that name a row."""

PER_TRACK_TABLES = ("segments", "embeddings", "failures", "track_tags")
VISIBILITY_ORDER = (*PER_TRACK_TABLES, "runs")
"""Files become visible in this order: who sees a row of ``track_tags`` finds its other rows."""


def rows_of(settled: TrackAnalysis | Failure, provenance: Provenance) -> dict[str, list[Row]]:
    """The rows that one settled track adds, by table."""
    if isinstance(settled, Failure):
        return {"failures": [_failure_row(settled, provenance)]}
    common = _common(settled.track, settled.analyzed_at, provenance)
    return {
        "segments": [
            common
            | {
                "segment_index": segment.index,
                "start_s": segment.start_s,
                "end_s": segment.end_s,
                "scores": segment.scores.tolist(),
            }
            for segment in settled.segments
        ],
        "embeddings": [common | {"vector": settled.embedding.tolist(), "dim": len(settled.embedding)}],
        "track_tags": [common | _track_columns(settled)],
    }


def _track_columns(analysis: TrackAnalysis) -> Row:
    facts = analysis.facts
    return {
        "uri": readable(analysis.track.uri),
        "content_sha256": facts.content_sha256,
        "analyzed_at": analysis.analyzed_at,
        "input_kind": "audio",
        "codec": facts.codec,
        "sample_rate_hz": facts.sample_rate_hz,
        "channels": facts.channels,
        "duration_s": facts.duration_s,
        "decoded_s": facts.decoded_s,
        "analyzed_s": analysis.analyzed_s,
        "truncated": facts.truncated,
        "tags": [
            {
                "facet": tag.facet,
                "tag": tag.tag,
                "score": tag.score,
                "peak": tag.peak,
                "presence": tag.presence,
                "selected": tag.selected,
            }
            for tag in analysis.tags
        ],
        "scores": analysis.scores.tolist(),
        "metadata": [(readable(name), readable(value)) for name, value in analysis.track.metadata.items()],
    }


def _failure_row(failure: Failure, provenance: Provenance) -> Row:
    return _common(failure.track, failure.occurred_at, provenance) | {
        "uri": readable(failure.track.uri),
        "stage": str(failure.stage),
        "error": str(failure.error),
        "message": readable(failure.message),
        "retriable": failure.retriable,
        "occurred_at": failure.occurred_at,
    }


def _common(track: Track, moment: datetime, provenance: Provenance) -> Row:
    return {
        "track_id": readable(track.track_id),
        "generation": track.generation,
        "tagger": provenance.tagger,
        "run_id": provenance.run_id,
        "frontend": provenance.frontend,
        PARTITION: moment.astimezone(UTC).date(),
    }


def name_of_row(table: str, row: Row) -> str:
    """A digest of the row's key and run, by which the same row is known when it is written again."""
    key = [table, *(str(row[column]) for column in (*KEYS[table], "run_id"))]
    return hashlib.sha256(json.dumps(key).encode()).hexdigest()[:32]


def readable(text: str) -> str:
    """Text that any table can store: bytes of a file name that are no UTF-8 become U+FFFD."""
    return os.fsencode(text).decode("utf-8", "replace")
