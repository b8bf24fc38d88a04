"""Whole runs through the command: what stands in the tables, and what a second run adds."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.catalog import (
    LATEST_ROWS,
    counts,
    errors,
    keys,
    last_run,
    leftovers,
    query,
    scores,
    table,
    tonearm,
    write_manifest,
    write_song,
)
from tonearm.model_artifacts import __file__ as artifacts


@pytest.fixture
def library(tmp_path: Path, songs: Path) -> Path:
    """A folder of its own with the four songs, a cover and a note."""
    folder = tmp_path / "music"
    shutil.copytree(songs, folder)
    (folder / "cover.jpg").write_bytes(b"\xff\xd8\xff\xe0 a picture")
    (folder / "notes.txt").write_text("remember the milk")
    return folder


def test_fewer_patches_are_spread_over_the_track_and_recorded(tmp_path: Path, output: Path) -> None:
    song = write_song(tmp_path / "long.flac", seconds=30.5)
    assert tonearm("ingest", song, "--output", output, "--max_patches", "2", "--segment_seconds", "3") == 0
    (row,) = table(output, "track_tags")
    assert row["analyzed_s"] == pytest.approx(2 * 2.992)
    assert row["decoded_s"] == pytest.approx(30.5, abs=0.1)
    assert sorted(segment["segment_index"] for segment in table(output, "segments")) == [2, 8]
    assert dict(last_run(output)["settings"])["max_patches"] == "2"


def touch(path: Path) -> None:
    """Give a file a later modification time."""
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000_000))


def test_a_folder_of_four_formats_fills_the_tables(library: Path, output: Path) -> None:
    assert tonearm("ingest", library, "--output", output) == 0
    assert counts(output) == (6, 4, 2, 0)
    rows = table(output, "track_tags")
    assert sorted(row["codec"] for row in rows) == ["flac", "mp3", "opus", "vorbis"]
    assert {row["input_kind"] for row in rows} == {"audio"}
    for row in rows:
        assert row["decoded_s"] == pytest.approx(3.5, abs=0.1)
        assert row["sample_rate_hz"] == (48000 if row["codec"] == "opus" else 44100)
        assert len(row["scores"]) == 100
        assert not row["truncated"]
    assert keys(output, "embeddings") == keys(output) == keys(output, "segments")
    assert {len(row["vector"]) for row in table(output, "embeddings")} == {400}
    assert leftovers(output) == []


def test_every_row_says_which_run_tagger_and_front_end_made_it(songs: Path, output: Path) -> None:
    tonearm("ingest", songs, "--output", output)
    run = last_run(output)
    for name in ("track_tags", "segments", "embeddings"):
        origins = {(row["run_id"], row["tagger"], row["frontend"]) for row in table(output, name)}
        assert origins == {(run["run_id"], run["tagger"], run["frontend"])}
    assert run["tagger"] == "musicnn@1"
    assert run["settings"]["segment_seconds"] == "15.0"
    assert run["versions"]["apache-beam"]
    assert run["started"] < run["ended"]


def test_the_same_command_again_adds_nothing(library: Path, output: Path) -> None:
    tonearm("ingest", library, "--output", output)
    before = keys(output)
    assert tonearm("ingest", library, "--output", output) == 0
    assert counts(output) == (6, 0, 6, 0)
    assert keys(output) == before


def test_only_new_and_changed_files_are_worked(library: Path, output: Path) -> None:
    tonearm("ingest", library, "--output", output)
    write_song(library / "new.wav", "wav_16")
    touch(library / "flac.flac")
    tonearm("ingest", library, "--output", output)
    assert counts(output) == (7, 2, 5, 0)
    assert len(keys(output)) == 6
    assert len(query(LATEST_ROWS, output)) == 5


def test_the_latest_row_is_of_the_changed_file(tmp_path: Path, output: Path) -> None:
    song = write_song(tmp_path / "song.flac")
    tonearm("ingest", song, "--output", output)
    write_song(song, seconds=4.5)
    tonearm("ingest", song, "--output", output)
    (latest,) = query(LATEST_ROWS, output)
    assert len(keys(output)) == 2
    assert latest["decoded_s"] == pytest.approx(4.5)


def test_retag_works_everything_again_and_the_latest_rows_stay_one_a_track(songs: Path, output: Path) -> None:
    tonearm("ingest", songs, "--output", output)
    before = scores(output)
    assert tonearm("ingest", songs, "--output", output, "--retag") == 0
    assert counts(output) == (4, 4, 0, 0)
    assert {row["run_id"] for row in query(LATEST_ROWS, output)} == {last_run(output)["run_id"]}
    assert scores(output).keys() == before.keys()
    for track_id, again in scores(output).items():
        assert again == pytest.approx(before[track_id], abs=1e-6)


def test_another_version_of_the_tagger_tags_everything_again(
    tmp_path: Path, songs: Path, output: Path
) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(Path(artifacts).parent / "musicnn", bundle)
    manifest = json.loads((bundle / "bundle.json").read_text())
    (bundle / "bundle.json").write_text(json.dumps({**manifest, "version": "2"}))
    tonearm("ingest", songs, "--output", output)
    for expected in ((4, 4, 0, 0), (4, 0, 4, 0)):
        assert tonearm("ingest", songs, "--output", output, "--tagger", bundle) == 0
        assert counts(output) == expected
    assert {row["tagger"] for row in query(LATEST_ROWS, output)} == {"musicnn@2"}


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_manifest_names_tracks_relative_to_itself_and_carries_metadata(
    library: Path, output: Path, kind: str
) -> None:
    rows = [
        {"track_id": "7", "uri": "flac.flac", "title": "Größe, “quoted”"},
        {"track_id": "8", "uri": str(library / "mp3.mp3"), "title": "Plain"},
    ]
    manifest = library / f"catalog.{kind}"
    if kind == "csv":
        write_manifest(manifest, rows)
        manifest.write_bytes(b"\xef\xbb\xbf" + manifest.read_bytes())
    elif kind == "jsonl":
        manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        pq.write_table(pa.Table.from_pylist(rows), manifest)
    assert tonearm("ingest", manifest, "--output", output) == 0
    found = {row["track_id"]: row for row in table(output, "track_tags")}
    assert found["7"]["metadata"] == {"title": "Größe, “quoted”"}
    assert found["7"]["uri"] == str(library / "flac.flac")
    assert found["8"]["metadata"] == {"title": "Plain"}


def test_doubles_and_broken_rows_of_a_manifest_are_counted(library: Path, output: Path) -> None:
    rows = [
        {"track_id": "1", "uri": "flac.flac"},
        {"track_id": "1", "uri": "flac.flac"},
        {"track_id": "1", "uri": "mp3.mp3"},
        {"track_id": "", "uri": "mp3.mp3"},
        {"track_id": "2", "uri": "missing.mp3"},
        {"track_id": "3", "uri": "cover.jpg"},
    ]
    manifest = write_manifest(library / "catalog.csv", rows)
    assert tonearm("ingest", manifest, "--output", output) == 0
    assert counts(output) == (6, 1, 1, 4)
    words = sorted(row["error"] for row in table(output, "failures"))
    assert words == ["duplicate_track_id", "invalid_row", "not_audio", "not_found"]


def test_a_failure_is_written_once_however_often_it_comes_back(tmp_path: Path, output: Path) -> None:
    rows = [{"track_id": "1", "uri": "broken.mp3"}, {"track_id": "2", "uri": "missing.mp3"}]
    (tmp_path / "broken.mp3").write_bytes(b"this is no music at all")
    manifest = write_manifest(tmp_path / "catalog.csv", rows)
    for expected in ((2, 0, 0, 2), (2, 0, 1, 1), (2, 0, 1, 1)):
        assert tonearm("ingest", manifest, "--output", output) == 0
        assert counts(output) == expected
    assert errors(output) == {"broken.mp3": "not_audio", "missing.mp3": "not_found"}
    assert len(table(output, "failures")) == 2


def test_a_missing_file_is_tagged_once_it_is_there(tmp_path: Path, output: Path) -> None:
    manifest = write_manifest(tmp_path / "catalog.csv", [{"track_id": "1", "uri": "late.flac"}])
    tonearm("ingest", manifest, "--output", output)
    write_song(tmp_path / "late.flac")
    tonearm("ingest", manifest, "--output", output)
    assert counts(output) == (1, 1, 0, 0)


@pytest.mark.parametrize(("wave_tracks", "workers"), [(1, 1), (2, 2), (128, 2)])
def test_tables_do_not_depend_on_waves_and_workers(
    songs: Path, output: Path, tmp_path: Path, wave_tracks: int, workers: int
) -> None:
    tonearm("ingest", songs, "--output", tmp_path / "reference", "--direct_num_workers", "1")
    options = ("--wave_tracks", str(wave_tracks), "--direct_num_workers", str(workers))
    assert tonearm("ingest", songs, "--output", output, *options) == 0
    assert keys(output) == keys(tmp_path / "reference")
    for track_id, reference in scores(tmp_path / "reference").items():
        assert scores(output)[track_id] == pytest.approx(reference, abs=1e-6)


def test_the_same_graph_runs_in_one_go(library: Path, output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a cluster, with Beam's own local runner in the cluster's place."""
    monkeypatch.setattr("tonearm.pipelines.runs.beam_options._LOCAL_RUNNERS", ())
    options = ("--runner", "FnApiRunner")
    for expected in ((6, 4, 2, 0), (6, 0, 6, 0)):
        assert tonearm("ingest", library, "--output", output, *options) == 0
        assert counts(output) == expected
    assert len(set(keys(output))) == len(keys(output)) == 4
