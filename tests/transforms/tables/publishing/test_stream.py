"""The sink of a stream: what the cluster does again, set back as it may be, doubles and loses nothing."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import apache_beam as beam
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from tests.catalog import keys, table
from tests.tracks import analysis_of
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import Failure, Stage, TrackError
from tonearm.transforms.elements.track import Track
from tonearm.transforms.tables.outputs import output_at
from tonearm.transforms.tables.publishing.stream import PublishTables
from tonearm.transforms.tables.rows import Provenance
from tonearm.transforms.tables.sink import GatherByShard
from tonearm.transforms.tagging.analysis import Outcome

PROVENANCE = Provenance("20260314T120000-run", "musicnn@1", "98e098809151")
TRACKS = [Track(f"track {number}", f"/music/{number}.flac", "1-10") for number in range(12)]
OUTCOMES: list[Outcome] = [
    *(analysis_of(track) for track in TRACKS[:10]),
    *(Failure.of(each, TrackError(Stage.DECODE, ErrorWord.UNDECODABLE, "told")) for each in TRACKS[10:]),
]


def published(outcomes: Sequence[Outcome], output: Path, *, tracks_per_file: int, shards: int) -> None:
    """Run the sink from its beginning, as a job does that lost all of its state."""
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        sink = PublishTables(GatherByShard(tracks_per_file, shards), output_at([str(output)]), PROVENANCE)
        pipeline | beam.Create(outcomes) | sink


def test_a_job_that_begins_anew_publishes_only_what_is_missing_however_it_gathers(output: Path) -> None:
    published(OUTCOMES[3:], output, tracks_per_file=2, shards=2)
    for seed in range(2):
        shuffled = random.Random(seed).sample(OUTCOMES, len(OUTCOMES))
        published(shuffled, output, tracks_per_file=3, shards=2)
    assert sorted(key[0] for key in keys(output)) == sorted(track.track_id for track in TRACKS[:10])
    assert len(table(output, "segments")) == 20
    assert sorted(row["track_id"] for row in table(output, "failures")) == ["track 10", "track 11"]
