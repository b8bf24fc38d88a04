"""What is left to do after a look into the tables, with every track that is left out counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to

from tests.tracks import analysis_of
from tonearm.pipelines.runs.metrics import counters
from tonearm.transforms.elements.arrival import Arrival, track_of
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import Failure, Stage, TrackError
from tonearm.transforms.elements.further_taggers import Canary
from tonearm.transforms.elements.track import Track
from tonearm.transforms.sources.pending import KeepPending, SkipReason, pending_tracks
from tonearm.transforms.tables.ledger import Ledger
from tonearm.transforms.tables.parquet.files import ParquetWriter
from tonearm.transforms.tables.rows import Provenance, rows_of
from tonearm.transforms.tagging.bundle_root import Move, MoveKind, pointer_bytes

TAGGER = "musicnn@1"
TRACK = Track("a", "/music/a.flac", "1-10", named=True)


def failure_of(track: Track, word: ErrorWord = ErrorWord.UNDECODABLE, *, retriable: bool = False) -> Failure:
    return Failure.of(track, TrackError(Stage.DECODE, word, "broken", retriable=retriable))


def ledger_of(folder: Path, *outcomes: object) -> Ledger:
    """A ledger of tables that hold these outcomes."""
    provenance = Provenance("run", TAGGER, "front end")
    for number, each in enumerate(outcomes):
        for table, rows in rows_of(each, replace(provenance, run_id=f"run{number}")).items():  # type: ignore[arg-type]
            ParquetWriter(str(folder)).write(table, rows)
    return Ledger.read(str(folder), TAGGER)


def pending(announced: Sequence[Arrival], ledger: Ledger | None) -> tuple[list[Arrival], Counter[SkipReason]]:
    skipped: Counter[SkipReason] = Counter()
    left = list(pending_tracks(announced, ledger, lambda reason: skipped.update([reason])))
    return left, skipped


def test_an_empty_output_leaves_everything_to_do(tmp_path: Path) -> None:
    assert pending([TRACK], ledger_of(tmp_path)) == ([TRACK], Counter())


def test_a_tagged_track_is_skipped(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path, analysis_of(TRACK))
    assert pending([TRACK], ledger) == ([], Counter({SkipReason.ALREADY_TAGGED: 1}))


@pytest.mark.parametrize(
    "change", [{"generation": "2-10"}, {"track_id": "b"}, {"uri": "/music/another.flac"}]
)
def test_another_generation_id_or_file_is_worked(tmp_path: Path, change: dict[str, str]) -> None:
    changed = replace(TRACK, **change)
    assert pending([changed], ledger_of(tmp_path, analysis_of(TRACK))) == ([changed], Counter())


def test_rows_of_another_tagger_do_not_count(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path, analysis_of(TRACK, tagger="musicnn@0"))
    assert pending([TRACK], ledger) == ([TRACK], Counter())


def test_rows_of_whatever_was_current_in_a_followed_root_count_as_done(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The job began with another tagger of the root; and a pointer that is damaged ends no stream."""
    root, output = tmp_path / "root", str(tmp_path / "tables")
    for table, rows in rows_of(analysis_of(TRACK), Provenance("run", TAGGER, "front end")).items():
        ParquetWriter(output).write(table, rows)
    moves = tuple(
        Move(MoveKind.PROMOTE, name, "0" * 64, "2026-03-14T12:00:00+00:00", "me")
        for name in (TAGGER, "ours@2")
    )
    root.mkdir()
    (root / "current").write_bytes(pointer_bytes(moves))
    left = []
    for damage in (False, True):
        if damage:
            (root / "current").write_text("{")
        keep = KeepPending(output, "ours@2", root=str(root))
        keep.setup()
        left.append(list(keep.process(TRACK)))
    assert left == [[], [TRACK]]
    assert "only rows of ours@2 count as done" in caplog.text


def test_without_a_ledger_everything_is_worked_again() -> None:
    assert pending([TRACK], None) == ([TRACK], Counter())


def test_bytes_that_failed_for_good_are_not_tried_again(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path, failure_of(TRACK))
    assert pending([TRACK], ledger) == ([], Counter({SkipReason.FAILED_FOR_GOOD: 1}))


def test_a_passing_fault_is_tried_again_and_remembers_its_row(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path, failure_of(TRACK, ErrorWord.UNREADABLE, retriable=True))
    (left,), skipped = pending([TRACK], ledger)
    assert isinstance(left, Track)
    assert left.past_failures == ("decode/unreadable",)
    assert not skipped


def test_a_name_that_is_no_utf_8_is_recognised_in_the_tables(tmp_path: Path) -> None:
    odd = Track("x", "/music/caf\udce9.mp3", "1-10")
    ledger = ledger_of(tmp_path, failure_of(odd))
    assert pending([odd], ledger) == ([], Counter({SkipReason.FAILED_FOR_GOOD: 1}))


def test_a_row_repeated_in_the_manifest_is_worked_once() -> None:
    assert pending([TRACK, TRACK], None) == ([TRACK], Counter({SkipReason.REPEATED_ROW: 1}))


def test_one_id_for_two_files_is_a_failure_of_the_second() -> None:
    other = replace(TRACK, uri="/music/b.flac")
    (first, second), skipped = pending([TRACK, other], None)
    assert first == TRACK
    assert isinstance(second, Failure)
    assert second.error is ErrorWord.DUPLICATE_TRACK_ID
    assert not skipped


@pytest.mark.parametrize("made_by", [TAGGER, "canary@1"])
def test_a_track_counts_as_done_by_the_tagger_in_whose_share_it_falls(tmp_path: Path, made_by: str) -> None:
    canary = Canary("canary", "canary@1", share=0.5)
    tracks = [replace(TRACK, track_id=str(number), generation="1") for number in range(12)]
    for each in tracks:
        for table, rows in rows_of(
            analysis_of(each, tagger=made_by), Provenance("run", made_by, "f")
        ).items():
            ParquetWriter(str(tmp_path)).write(table, rows)
    ledger = Ledger.read(str(tmp_path), TAGGER, "before@1", canary=canary)
    done = [track.track_id for track in tracks if ledger.is_tagged(track)]
    expected = [each.track_id for each in tracks if canary.takes(each.track_id) == (made_by == "canary@1")]
    assert done == expected
    assert 0 < len(done) < 12


def test_failures_of_the_source_are_written_once(tmp_path: Path) -> None:
    known = failure_of(replace(TRACK, generation=""), ErrorWord.INVALID_ROW)
    later = replace(known, occurred_at=datetime.now(UTC))
    assert pending([later], ledger_of(tmp_path, known)) == ([], Counter({SkipReason.FAILED_FOR_GOOD: 1}))


@pytest.mark.parametrize("retag", [False, True])
def test_what_a_job_had_written_before_it_began_again_is_counted_as_what_became_of_it(
    tmp_path: Path, retag: bool
) -> None:
    """The first two outcomes are of the run itself, the third one of an earlier run."""
    tracks = [replace(TRACK, track_id=name, uri=f"/music/{name}.flac") for name in "abcd"]
    provenance = Provenance("20260314T120000-run", TAGGER, "front end")
    before = (analysis_of(tracks[0]), failure_of(tracks[1], ErrorWord.UNREADABLE, retriable=True))
    for outcome, run in ((before[0], provenance), (before[1], provenance), (analysis_of(tracks[2]), None)):
        made_by = run or replace(provenance, run_id="20260313T120000-before")
        for table, rows in rows_of(outcome, made_by).items():
            ParquetWriter(str(tmp_path)).write(table, rows)
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        keep = beam.ParDo(KeepPending(str(tmp_path), TAGGER, provenance.run_id, retag=retag))
        left = pipeline | beam.Create(tracks) | keep | beam.Map(lambda each: track_of(each).track_id)
        assert_that(left, equal_to(["c", "d"] if retag else ["d"]))
    assert counters(pipeline.result.metrics()) == Counter(
        tagged=1,
        failed=1,
        failed_as_unreadable=1,
        rows_track_tags=1,
        rows_failures=1,
        **({} if retag else {"skipped_ALREADY_TAGGED": 1}),
    )
