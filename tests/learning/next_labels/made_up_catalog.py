"""Tables of a made-up catalog: what a tagger might have said of tracks, and how they sound alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tonearm.transforms.tables.parquet.files import ParquetWriter
from tonearm.transforms.tables.schemas import Row

MOMENT = datetime(2026, 10, 1, 12, tzinfo=UTC)
FACETS = {"rock": "genre", "jazz": "genre", "piano": "instrument", "drums": "instrument"}
THRESHOLD = 0.4


def tagged(
    track: str,
    scores: Mapping[str, float],
    *,
    tagger: str = "ours@1",
    hours: int = 0,
    sha: str | None = None,
    uri: str = "",
    metadata: Mapping[str, str] | None = None,
) -> Row:
    """A row of ``track_tags``; tags from the threshold on are selected."""
    moment = MOMENT + timedelta(hours=hours)
    tags = [
        {
            **{"facet": FACETS[tag], "tag": tag, "score": score, "peak": score, "presence": 1.0},
            "selected": score >= THRESHOLD,
        }
        for tag, score in scores.items()
    ]
    return {
        **_key(track, tagger, moment),
        **{"uri": uri or f"/music/{track}.mp3", "content_sha256": f"sha of {track}" if sha is None else sha},
        **{"analyzed_at": moment, "input_kind": "audio", "codec": "mp3", "sample_rate_hz": 44100},
        **{"channels": 2, "duration_s": 100.0, "decoded_s": 100.0, "analyzed_s": 100.0, "truncated": False},
        **{"tags": tags, "scores": [], "metadata": list((metadata or {}).items())},
        **{"downmix_loss_db": None, "level_db": None},
    }


def embedded(row: Row, vector: Sequence[float]) -> Row:
    """The row of ``embeddings`` of a tagged track."""
    key = {name: row[name] for name in ("track_id", "generation", "tagger", "run_id", "frontend")}
    return {**key, "ingest_date": row["ingest_date"], "vector": list(vector), "dim": len(vector)}


def write_tables(folder: str | Path, rows: Sequence[tuple[Row, Sequence[float]]]) -> Path:
    """The tables of tracks with their embeddings; each tagger has a run, in the order of the rows."""
    writer = ParquetWriter(str(folder))
    writer.write("track_tags", [row for row, _ in rows])
    writer.write("embeddings", [embedded(row, vector) for row, vector in rows])
    for number, tagger in enumerate(dict.fromkeys(row["tagger"] for row, _ in rows)):
        writer.write("runs", [_run(tagger, number)])
    return folder


def _key(track: str, tagger: str, moment: datetime) -> Row:
    run = f"{moment:%Y%m%dT%H%M%S}-aaaaaaaa"
    told: Row = {"track_id": track, "generation": "1", "tagger": tagger, "run_id": run, "frontend": "f"}
    return {**told, "ingest_date": moment.date()}


def _run(tagger: str, number: int) -> Row:
    moment = MOMENT + timedelta(hours=number)
    counts = dict.fromkeys(("n_seen", "n_tagged", "n_skipped", "n_failed"), 0)
    told: Row = {"run_id": f"run-{number}", "mode": "batch", "tagger": tagger, "frontend": "f"}
    times: Row = {"started": moment, "ended": moment, "ingest_date": moment.date(), "bundle_sha256": ""}
    return {**told, **counts, **times, "versions": [], "settings": []}
