"""The sink of a batch run: a job that begins again, gathering otherwise, doubles and loses nothing."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from tests.catalog import errors, keys, leftovers, table
from tests.tracks import analysis_of
from tonearm.pipelines.graphs import backfill
from tonearm.pipelines.graphs.backfill import written_once
from tonearm.pipelines.runs.metrics import counters
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import Failure, Stage, TrackError
from tonearm.transforms.elements.track import Track
from tonearm.transforms.storage.local import LocalStorage
from tonearm.transforms.tables.contract import Output
from tonearm.transforms.tables.outputs import SeveralOutputs, output_at
from tonearm.transforms.tables.rows import Provenance
from tonearm.transforms.tagging.analysis import Outcome

TABLES = ("segments", "embeddings", "failures", "track_tags")
RUN = "20260314T120000-run"
PROVENANCE = Provenance(RUN, "musicnn@1", "98e098809151")
TRACKS = [Track(f"track {number}", f"/music/{number}.flac", "1-10") for number in range(8)]


def failure_of(track: Track) -> Failure:
    return Failure.of(track, TrackError(Stage.DECODE, ErrorWord.UNDECODABLE, "told"))


OUTCOMES: list[Outcome] = [*map(analysis_of, TRACKS[:6]), *map(failure_of, TRACKS[6:])]
STEPS = [7, *(pytest.param(steps, marks=pytest.mark.slow) for steps in (2, 5, 8, 11, 14, 17))]


@pytest.fixture(autouse=True)
def _small_file_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """One gatherer, and files of three tracks: to it 8 tracks are what 20,000 are to eight gatherers."""
    monkeypatch.setattr(backfill, "TRACKS_PER_FILE", 3)
    monkeypatch.setattr(backfill, "BACKFILL_SHARDS", 1)


@pytest.fixture(params=["alone", pytest.param("last of several", marks=pytest.mark.slow)])
def target(request: pytest.FixtureRequest, output: Path) -> Output:
    """The output, whose rows are seen as they are written, or wait for those of others."""
    alone = output_at([str(output)])
    return alone if request.param == "alone" else SeveralOutputs([alone])


def attempt(outcomes: Sequence[Outcome], target: Output) -> Counter[str]:
    """Run the sink from its beginning, as a job does that begins again; return what was counted."""
    pipeline = beam.Pipeline(runner=FnApiRunner())
    pipeline | beam.Create(outcomes) | written_once(target, PROVENANCE, lambda: None)
    return counters(pipeline.run().metrics())


def killed_attempt(outcomes: Sequence[Outcome], target: Output, after_steps: int) -> None:
    """An attempt that is killed when so many files were written or moved."""
    steps = count()

    def until_killed(step: Callable[..., Any]) -> Callable[..., Any]:
        def one_more(*arguments: Any) -> Any:
            if next(steps) >= after_steps:
                raise KeyboardInterrupt("killed")
            return step(*arguments)

        return one_more

    with pytest.MonkeyPatch.context() as patched:
        for name in ("write", "write_if", "move"):
            patched.setattr(LocalStorage, name, until_killed(getattr(LocalStorage, name)))
        with pytest.raises(BaseException, match="killed"):
            attempt(outcomes, target)


def lies_beside_the_tables(output: Path) -> list[str]:
    return [name for name in leftovers(output) if (output / name).is_file()]


@pytest.mark.parametrize("after_steps", STEPS)
def test_a_job_that_begins_again_writes_no_track_twice_however_it_gathers(
    target: Output, output: Path, after_steps: int
) -> None:
    killed_attempt(OUTCOMES, target, after_steps)
    counted = attempt(random.Random(1).sample(OUTCOMES, len(OUTCOMES)), target)
    rows = {name: counted[f"rows_{name}"] for name in TABLES}
    assert rows == {"segments": 12, "embeddings": 6, "failures": 2, "track_tags": 6}
    target.finish_backfill(RUN, rows)
    assert {name: len(table(output, name)) for name in TABLES} == rows
    assert len(set(keys(output))) == 6
    target.discard(RUN)
    assert lies_beside_the_tables(output) == []


def test_what_became_of_a_track_before_is_what_is_counted(output: Path) -> None:
    """A storage that is away for a while fails a track, and not the one that failed the time before."""
    target = output_at([str(output)])
    attempt([analysis_of(TRACKS[0]), failure_of(TRACKS[1])], target)
    counted = attempt([failure_of(TRACKS[0]), analysis_of(TRACKS[1]), failure_of(TRACKS[2])], target)
    assert (counted["rows_track_tags"], counted["rows_failures"]) == (1, 2)
    assert (counted["tagged"], counted["failed"]) == (0, 0)  # as many as were counted before the sink
    assert counted["failed_as_undecodable"] == 0
    assert [key[0] for key in keys(output)] == ["track 0"]
    assert sorted(errors(output)) == ["1.flac", "2.flac"]


@pytest.mark.slow
def test_a_job_that_nobody_begins_again_leaves_whole_tracks(output: Path) -> None:
    target = output_at([str(output)])
    for after_steps in (6, 9):
        killed_attempt(OUTCOMES, target, after_steps)
    target.recover([RUN])
    tagged = keys(output)
    assert len(set(tagged)) == len(tagged) > 0
    assert keys(output, "segments") == sorted(2 * tagged)
    assert keys(output, "embeddings") == tagged
    assert lies_beside_the_tables(output) == []
