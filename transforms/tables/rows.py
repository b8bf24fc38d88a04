"""The rows that a track's outcome adds to the tables."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from tonearm.transforms.elements.failure import Failure
from tonearm.transforms.elements.further_taggers import Canary
from tonearm.transforms.elements.readable import readable
from tonearm.transforms.elements.track import Track
from tonearm.transforms.spectrograms.parquet_form import row_of
from tonearm.transforms.spectrograms.record import SpectrogramRecord
from tonearm.transforms.storage.schemes import stored_uri
from tonearm.transforms.tables.schemas import KEYS, PARTITION, SHADOW_TAGS, Row
from tonearm.transforms.tagging.analysis import TrackAnalysis


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a run's rows come from.

    Attributes:
        run_id: The run that wrote the row.
        tagger: ``name@version`` of the tagger that the run began with; an analysis names its own.
        fingerprint: Fingerprint of that tagger's front end.
        canary: What tags a share of the tracks in its place; None for nothing.
    """

    run_id: str
    tagger: str
    fingerprint: str
    canary: Canary | None = None

    def of_failure(self, track: Track) -> Provenance:
        """What the row of a failure comes from: the tagger in whose share the track falls."""
        if self.canary is None or not self.canary.takes(track.track_id):
            return self
        return replace(self, tagger=self.canary.tagger)


def rows_of(outcome: TrackAnalysis | Failure, provenance: Provenance) -> dict[str, list[Row]]:
    """The rows that one outcome adds, by table."""
    if isinstance(outcome, Failure):
        return {"failures": [_failure_row(outcome, provenance)]}
    common = _common_of_analysis(outcome, provenance)
    shadow = outcome.shadow
    return {
        "segments": [
            common
            | {
                "segment_index": segment.index,
                "start_s": segment.start_s,
                "end_s": segment.end_s,
                "scores": segment.scores.tolist(),
            }
            for segment in outcome.segments
        ],
        "embeddings": [common | {"vector": outcome.embedding.tolist(), "dim": len(outcome.embedding)}],
        SHADOW_TAGS: [_common_of_analysis(shadow, provenance) | _track_columns(shadow)] if shadow else [],
        "track_tags": [common | _track_columns(outcome)],
    }


def spectrogram_row(record: SpectrogramRecord, provenance: Provenance, moment: datetime) -> Row:
    """The row of the table ``spectrograms`` that a record makes."""
    return row_of(record) | {
        "analyzed_at": moment,
        "run_id": provenance.run_id,
        PARTITION: moment.astimezone(UTC).date(),
    }


def _track_columns(analysis: TrackAnalysis) -> Row:
    facts = analysis.facts
    return {
        "uri": stored_uri(analysis.track.uri),
        "content_sha256": facts.content_sha256,
        "analyzed_at": analysis.analyzed_at,
        "input_kind": str(analysis.track.input_kind),
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
        "downmix_loss_db": facts.downmix_loss_db,
        "level_db": facts.level_db,
        "metadata": [(readable(name), readable(value)) for name, value in analysis.track.metadata.items()],
    }


def _failure_row(failure: Failure, provenance: Provenance) -> Row:
    return _common(failure.track, failure.occurred_at, provenance.of_failure(failure.track)) | {
        "uri": stored_uri(failure.track.uri),
        "stage": str(failure.stage),
        "error": str(failure.error),
        "message": readable(failure.message),
        "retriable": failure.retriable,
        "spectrogram": stored_uri(place.uri) if (place := failure.track.spectrogram) else None,
        "occurred_at": failure.occurred_at,
    }


def _common_of_analysis(analysis: TrackAnalysis, provenance: Provenance) -> Row:
    made_by = replace(provenance, tagger=analysis.tagger, fingerprint=analysis.fingerprint)
    return _common(analysis.track, analysis.analyzed_at, made_by)


def _common(track: Track, moment: datetime, provenance: Provenance) -> Row:
    return {
        "track_id": readable(track.track_id),
        "generation": track.generation,
        "tagger": provenance.tagger,
        "run_id": provenance.run_id,
        "frontend": provenance.fingerprint,
        PARTITION: moment.astimezone(UTC).date(),
    }


def name_of_row(table: str, row: Row) -> str:
    """A digest of the row's key and run, by which the same row is known when it is written again."""
    key = [table, *(str(row[column]) for column in (*KEYS[table], "run_id"))]
    return hashlib.sha256(json.dumps(key).encode()).hexdigest()[:32]
