"""Tables of some days, made up: their rows are what a tagger might have said."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from tonearm.transforms.tables.parquet.files import ParquetWriter
from tonearm.transforms.tables.schemas import Row

Change = Callable[[int, Row], None]
"""Changes a row of a day, counted from 0."""


def write_tables(folder: Path, days: int, *, tracks: int = 30, change: Change | None = None) -> Path:
    """Tables of so many days by one tagger, so many tracks a day with three tags."""
    writer = ParquetWriter(str(folder))
    writer.write("track_tags", rows_of_days(days, tracks=tracks, change=change))
    writer.write("runs", [run_row()])
    return folder


def rows_of_days(days: int, *, tracks: int, change: Change | None = None) -> list[Row]:
    """The rows of ``track_tags`` of :func:`write_tables`."""
    numbers = np.random.default_rng(7)
    rows = [row_of(numbers, day, track) for day in range(days) for track in range(tracks)]
    for number, row in enumerate(rows):
        if change:
            change(number // tracks, row)
    return rows


def row_of(numbers: np.random.Generator, day: int, track: int) -> Row:
    """A row of ``track_tags``."""
    moment = datetime(2026, 10, 1, 12, tzinfo=UTC) + timedelta(days=day)
    tags = [
        {
            "facet": "genre",
            "tag": tag,
            "score": float(numbers.beta(2, 5)),
            "peak": 0.9,
            "presence": 0.5,
            "selected": False,
        }
        for tag in ("rock", "jazz", "folk")
    ]
    return {
        "track_id": f"{day}-{track}",
        "generation": "1",
        "tagger": "ours@1",
        "uri": "/music/a.mp3",
        "content_sha256": "0" * 64,
        "ingest_date": moment.date(),
        "analyzed_at": moment,
        "input_kind": "audio",
        "codec": "mp3",
        "sample_rate_hz": 44100,
        "channels": 2,
        "duration_s": float(numbers.lognormal(5, 0.3)),
        "decoded_s": 100.0,
        "analyzed_s": 100.0,
        "truncated": False,
        "tags": tags,
        "scores": [],
        "metadata": [("source", "west" if track % 2 else "east")],
        "downmix_loss_db": None,
        "level_db": -14.0,
        "run_id": "20261001T000000-aaaaaaaa",
        "frontend": "f",
    }


def failure_row(moment: datetime) -> Row:
    """A row of ``failures``."""
    told: Row = {"track_id": "broken", "generation": "1", "tagger": "ours@1", "uri": "/music/broken.mp3"}
    why: Row = {"stage": "decode", "error": "undecodable", "message": "", "retriable": False}
    return {
        **told,
        **why,
        **{"occurred_at": moment, "ingest_date": moment.date(), "spectrogram": None},
        **{"run_id": "20261001T000000-aaaaaaaa", "frontend": "f"},
    }


def run_row() -> Row:
    """A row of ``runs``."""
    moment = datetime(2026, 10, 1, tzinfo=UTC)
    counts = dict.fromkeys(("n_seen", "n_tagged", "n_skipped", "n_failed"), 0)
    told: Row = {"run_id": "20261001T000000-aaaaaaaa", "mode": "batch", "tagger": "ours@1", "frontend": "f"}
    times: Row = {"started": moment, "ended": moment, "ingest_date": moment.date(), "bundle_sha256": ""}
    return {**told, **counts, **times, "versions": [], "settings": []}


def rock_on_the_last_day(day: int, row: Row) -> None:
    """What comes from the west scores higher for rock."""
    if day == 9 and dict(row["metadata"])["source"] == "west":
        row["tags"][0]["score"] = 0.5 + row["tags"][0]["score"] / 2
