"""Waves: progress within them, and what stays of a run that breaks."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import psutil
import pytest

from tests.catalog import counts, keys, last_run, leftovers, table, tonearm, write_manifest, write_song
from tests.tracks import embedding_size
from tonearm.models.bundles.loading import cached_tagger
from tonearm.models.bundles.tagger import Tagger
from tonearm.pipelines.local.bounded_source import BoundedSource
from tonearm.transforms.audio.isolation.isolated_reader import close_decoders
from tonearm.transforms.elements.arrival import Arrival
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import Stage, TrackError
from tonearm.transforms.elements.track import Track
from tonearm.transforms.features import prepare
from tonearm.transforms.features.prepared import Spectrogram
from tonearm.transforms.sources import listing
from tonearm.transforms.sources.manifests import reading
from tonearm.transforms.storage.contract import Listed, StorageError
from tonearm.transforms.storage.fetch import FetchedTrack, fetched
from tonearm.transforms.storage.schemes import list_objects
from tonearm.transforms.tables.parquet.files import ParquetWriter
from tonearm.transforms.tables.parquet.output import ParquetOutput
from tonearm.transforms.tagging import at_work
from tonearm.transforms.tagging.counting import LIVE
from tonearm.transforms.tagging.inference import MIN_BATCH_PATCHES

FRONT_END = "98e098809151"


class FlatEngine:
    """Gives every patch the same scores, and notes how far the run had come when it was asked."""

    device = "cpu"

    def __init__(self, tagger: Tagger) -> None:
        self.widths = len(tagger.units), embedding_size(tagger)
        self.tagged_before: list[int] = []

    def infer(self, patches: np.ndarray) -> tuple[np.ndarray, ...]:
        """See :class:`Engine`."""
        self.tagged_before.append(LIVE.tagged)
        return tuple(np.full((len(patches), width), 0.5, np.float32) for width in self.widths)


def test_progress_moves_within_a_wave(songs: Path, output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each track fills a batch, so the first is told before the last one is begun."""
    engine = FlatEngine(cached_tagger("musicnn"))
    monkeypatch.setattr(at_work, "shared_engine", lambda tagger, precision: engine)
    long = Spectrogram(
        patches=np.zeros((2 * MIN_BATCH_PATCHES, 187, 96), np.float32),
        starts_s=np.arange(2 * MIN_BATCH_PATCHES, dtype=float),
        analyzed_s=300.0,
        silent=False,
        fingerprint=FRONT_END,
    )
    monkeypatch.setattr(prepare, "spectrogram_of", lambda blocks, *_, **__: (list(blocks), long)[1])
    assert tonearm("ingest", songs, "--output", output, "--direct_num_workers", "1") == 0
    assert counts(output) == (4, 4, 0, 0)
    assert engine.tagged_before[-1] > 0


def test_progress_is_told_in_lines_where_no_terminal_is(
    songs: Path, output: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tonearm.pipelines.reports.progress._SECONDS_BETWEEN_LINES", 0.01)
    tonearm("ingest", songs, "--output", output)
    lines = capsys.readouterr().err.splitlines()
    assert lines
    assert all("/4 tracks, 0 failed, " in line and "tracks/min" in line for line in lines)


def test_a_full_disk_breaks_the_run_and_the_next_one_ends_it(
    songs: Path,
    output: Path,
    temporary_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with monkeypatch.context() as patched:
        fail_to_write(patched, after=6)
        options = ("--wave_tracks", "1", "--direct_num_workers", "1")
        assert tonearm("ingest", songs, "--output", output, *options) == 1
    assert "No space left" in capsys.readouterr().err
    assert len(keys(output)) == 1
    assert keys(output) == keys(output, "embeddings")
    assert leftovers(output) == []
    assert list(temporary_folder.iterdir()) == []
    assert table(output, "runs")[0]["ended"] is None
    assert tonearm("ingest", songs, "--output", output) == 0
    assert counts(output) == (4, 3, 1, 0)


def fail_to_write(monkeypatch: pytest.MonkeyPatch, *, after: int) -> None:
    """Let so many files be written: those of a track are three, and one of its run."""
    write, written = ParquetWriter.write, []

    def limited(self: ParquetWriter, name: str, rows: list[dict[str, object]]) -> int:
        if len(written) == after:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written.append(name)
        return write(self, name, rows)

    monkeypatch.setattr(ParquetWriter, "write", limited)


def test_a_track_that_gets_lost_breaks_the_run(
    songs: Path, output: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    process = prepare.PrepareTracks.process

    def losing(self: prepare.PrepareTracks, element: Arrival) -> Iterator[object]:
        if "mp3" not in element.uri:  # type: ignore[union-attr]
            yield from process(self, element)

    monkeypatch.setattr(prepare.PrepareTracks, "process", losing)
    assert tonearm("ingest", songs, "--output", output, "--direct_num_workers", "1") == 1
    assert "4 tracks went in and 3 came out" in capsys.readouterr().err
    assert table(output, "track_tags") == []


def test_a_long_list_begins_at_once(
    songs: Path, output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first wave is committed before the last rows of the manifest are looked at."""
    monkeypatch.setattr(listing, "_LOOKED_UP_AT_ONCE", 2)
    rows = [{"track_id": f"{number:03d}", "uri": str(songs / "flac.flac")} for number in range(12)]
    rows.append({"track_id": "last", "uri": "missing.flac"})
    manifest = write_manifest(tmp_path / "catalog.csv", rows)
    assert tonearm("ingest", manifest, "--output", output, "--wave_tracks", "2") == 0
    assert counts(output) == (13, 12, 0, 1)
    first_tagged = min(row["analyzed_at"] for row in table(output, "track_tags"))
    (failure,) = table(output, "failures")
    assert first_tagged < failure["occurred_at"]


def test_the_largest_tracks_of_the_last_wave_come_first() -> None:
    sizes = [3, 1, 2, 5, 4, 6]
    tracks = [Track(str(size), f"/music/{size}.flac", size_bytes=size) for size in sizes]
    source = BoundedSource(iter(tracks), held=4)
    taken = [track.track_id for track in iter(source.further, None)]  # type: ignore[union-attr]
    assert taken == ["3", "1", "2", "6", "5", "4"]


def test_workers_end_together_however_long_their_tracks_are(
    output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One worker is held up by the longest track; the other one takes all else meanwhile."""
    rest_worked = threading.Event()
    worked: list[str] = []

    def fetched_slowly(track: Track, *arguments: object) -> NoReturn:
        if track.track_id == "longest":
            assert rest_worked.wait(60)
        else:
            worked.append(track.track_id)
            if len(worked) == 9:
                rest_worked.set()
        raise TrackError(Stage.DECODE, ErrorWord.UNDECODABLE, "not looked at")

    monkeypatch.setattr(prepare, "fetched", fetched_slowly)
    rows = [
        {"track_id": str(number), "uri": str(write_song(tmp_path / f"{number}.flac"))} for number in range(9)
    ]
    rows.append({"track_id": "longest", "uri": str(write_song(tmp_path / "longest.flac", seconds=3))})
    manifest = write_manifest(tmp_path / "catalog.csv", rows)
    assert tonearm("ingest", manifest, "--output", output, "--direct_num_workers", "2") == 0
    assert counts(output) == (10, 0, 0, 10)


def test_a_listing_that_breaks_off_keeps_what_was_worked(
    songs: Path, output: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def breaking(location: str) -> Iterator[Listed]:
        yield from islice(list_objects(location), 3)
        raise StorageError(ErrorWord.UNREADABLE, "the store went away")

    monkeypatch.setattr(reading, "list_objects", breaking)
    options = ("--wave_tracks", "1", "--direct_num_workers", "1")
    assert tonearm("ingest", songs, "--output", output, *options) == 1
    assert len(keys(output)) == 3
    assert "broke off after 3: the store went away" in capsys.readouterr().err


@pytest.mark.parametrize("is_done_before", [False, True])
def test_a_listing_that_breaks_off_is_worked_as_far_as_it_went_and_has_its_row(
    is_done_before: bool, songs: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaking(location: str) -> Iterator[Listed]:
        yield from islice(list_objects(location), 3)
        raise StorageError(ErrorWord.UNREADABLE, "the store went away")

    if is_done_before:
        assert tonearm("ingest", songs, "--output", output) == 0
    monkeypatch.setattr(reading, "list_objects", breaking)
    assert tonearm("ingest", songs, "--output", output) == 1
    tagged, skipped = (0, 3) if is_done_before else (3, 0)
    assert counts(output) == (3, tagged, skipped, 0)
    assert last_run(output)["ended"] is None
    assert len(keys(output)) == (4 if is_done_before else 3)


def decoders() -> list[psutil.Process]:
    children = psutil.Process().children()
    return [
        child for child in children if "tonearm.transforms.audio.isolation.decoder_main" in child.cmdline()
    ]


def test_decoders_are_kept_for_the_next_run(songs: Path, tmp_path: Path) -> None:
    close_decoders()
    kept = []
    for number in range(2):
        assert tonearm("ingest", songs, "--output", tmp_path / str(number), "--direct_num_workers", "1") == 0
        kept += decoders()
    assert len(kept) == 2
    assert kept[0] == kept[1]
    close_decoders()
    assert decoders() == []


@pytest.mark.slow
def test_a_share_closes_by_time_so_that_a_kill_costs_seconds_and_not_a_wave(
    songs: Path, output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When a track is begun, all that was ended so long ago stands in the tables, however large a wave is.

    So it is from a run's start on.
    """
    monkeypatch.setattr("tonearm.pipelines.local.share_runner.FIRST_SHARES_SECONDS", 0.5)
    monkeypatch.setattr("tonearm.pipelines.local.share_runner.SHARE_OF_RUN", 0.0)
    monkeypatch.setattr("tonearm.pipelines.local.share_runner.COMMITS_SHARE_OF_PACE", 10.0)
    ended: list[float] = []
    kept: list[tuple[int, int]] = []

    @contextmanager
    def fetched_slowly(track: Track, *arguments: Any) -> Iterator[FetchedTrack]:
        until = time.monotonic() - 1.5
        kept.append((sum(moment < until for moment in ended), len(keys(output))))
        time.sleep(0.25)
        with fetched(track, *arguments) as file:
            yield file
        ended.append(time.monotonic())

    monkeypatch.setattr(prepare, "fetched", fetched_slowly)
    rows = [{"track_id": str(number), "uri": str(songs / "flac.flac")} for number in range(14)]
    manifest = write_manifest(tmp_path / "catalog.csv", rows)
    assert tonearm("ingest", manifest, "--output", output, "--direct_num_workers", "1") == 0
    assert counts(output) == (14, 14, 0, 0)
    assert kept[-1][0] > 3
    assert all(stands >= due for due, stands in kept), kept


def test_where_a_commit_is_dear_shares_stay_open_longer(
    songs: Path, output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tonearm.pipelines.local.share_runner.SHARE_SECONDS", 0.0)
    commit, commits = ParquetOutput.commit, list[str]()

    def commit_slowly(self: ParquetOutput, commit_id: str, rows: Any) -> None:
        commits.append(commit_id)
        time.sleep(0.3)
        commit(self, commit_id, rows)

    monkeypatch.setattr(ParquetOutput, "commit", commit_slowly)
    rows = [{"track_id": str(number), "uri": str(songs / "flac.flac")} for number in range(12)]
    manifest = write_manifest(tmp_path / "catalog.csv", rows)
    assert tonearm("ingest", manifest, "--output", output, "--direct_num_workers", "1") == 0
    assert counts(output) == (12, 12, 0, 0)
    assert len(commits) == 3, "the first share, the others together, and the end"
