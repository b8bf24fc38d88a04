"""The six tables: their columns, keys and the order in which they become visible; and spectrograms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from tonearm.transforms.spectrograms.parquet_form import SCHEMA as SPECTROGRAM_SCHEMA

Row = dict[str, Any]
"""A row of any table, by column."""


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
        _field("presence", pa.float32(), "Share of patches at or above the tag's threshold"),
        _field("selected", pa.bool_(), "True if the tagger's selection rule picks it"),
    ]
)

_TRACK_TAGS = pa.schema(
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
        _field("duration_s", pa.float64(), "What the container says; null if it does not say", nullable=True),
        _field("decoded_s", pa.float64(), "Seconds that were decoded"),
        _field("analyzed_s", pa.float64(), "Seconds that the network saw"),
        _field("truncated", pa.bool_(), "True if less was heard than the file promises"),
        _field("tags", pa.list_(pa.field("element", _TAG, nullable=False)), "All tags, by facet and score"),
        _field("scores", _FLOATS, "Raw track means in the tagger's output order"),
        _field("metadata", pa.map_(pa.string(), pa.string()), "The manifest's other columns"),
        _field(
            "downmix_loss_db",
            pa.float32(),
            "RMS level of the channels over that of their mean, in dB: 0 for mono, 3 for two unrelated "
            "channels, 120 where they cancel out; null for silence",
            nullable=True,
        ),
        *_ORIGIN,
        _field(
            "level_db",
            pa.float32(),
            "RMS level of all channels in dB of full scale; null for silence, and in older rows",
            nullable=True,
        ),
    ]
)

SCHEMAS: Mapping[str, pa.Schema] = {
    "track_tags": _TRACK_TAGS,
    "shadow_tags": _TRACK_TAGS,
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
            _field(
                "spectrogram",
                pa.string(),
                "File that its spectrogram was to be read from; null if it came as audio, and in older rows",
                nullable=True,
            ),
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
            _field(
                "n_skipped",
                pa.int64(),
                "Tracks seen and not worked: tagged before, failed for good, repeated, no audio",
            ),
            _field("n_failed", pa.int64(), "Tracks that failed"),
            _INGEST_DATE,
            _field(
                "bundle_sha256",
                pa.string(),
                "SHA-256 of the tagger's bundle.json, which names its weights by theirs; null in older rows",
                nullable=True,
            ),
        ]
    ),
}
"""Schemas of the Parquet files; ``ingest_date`` is the folder and not stored in the file.

A column that is added later must be nullable: rows of before have no value there. The next run then adds it
to BigQuery's tables, and older files are read with nulls in its place.
"""

PARTITION = "ingest_date"

TRACK_KEY = ("track_id", "generation", "tagger")

KEYS: Mapping[str, tuple[str, ...]] = {
    "segments": (*TRACK_KEY, "segment_index"),
    "embeddings": TRACK_KEY,
    "failures": (*TRACK_KEY, "uri", "stage", "error"),
    "track_tags": TRACK_KEY,
    "shadow_tags": TRACK_KEY,
    "runs": ("run_id",),
    "spectrograms": ("track_id", "generation", "frontend"),
}
"""Columns that name a row."""

SHADOW_TAGS = "shadow_tags"
"""What a second tagger says of tracks beside the one whose rows are in ``track_tags``."""

PER_TRACK_TABLES = ("segments", "embeddings", "failures", SHADOW_TAGS, "track_tags")
VISIBILITY_ORDER = (*PER_TRACK_TABLES, "runs")
"""Files become visible in this order: who sees a row of ``track_tags`` finds its other rows."""

SPECTROGRAMS = "spectrograms"

FILE_SCHEMAS: Mapping[str, pa.Schema] = {
    **SCHEMAS,
    SPECTROGRAMS: pa.schema(
        [
            *SPECTROGRAM_SCHEMA,
            _field("analyzed_at", _TIMESTAMP, "When the patches were made"),
            _ORIGIN[0],
            _INGEST_DATE,
        ]
    ),
}
"""What Parquet files hold: the six tables and, of runs that make them, spectrograms. Nothing else holds
those: a row has megabytes."""

FILE_VISIBILITY_ORDER = (*PER_TRACK_TABLES, SPECTROGRAMS, "runs")
