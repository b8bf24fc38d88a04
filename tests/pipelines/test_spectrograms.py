"""`tonearm spectrograms`: what the files hold, and what kills, failures and a second run make of them."""

from __future__ import annotations

import hashlib
import json
import random
import signal
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.catalog import (
    counts,
    errors,
    leftovers,
    table,
    tonearm,
    write_manifest,
    write_song,
)
from tests.cloud import BUCKET, TABLES, fetches, tables_of, upload_songs
from tests.killable import start_killable
from tests.pipelines.local.test_kill import manifest_of_copies
from tests.servers.gcs import GcsServer
from tests.servers.processes import wait_for
from tonearm.models.front_end import FrontEnd
from tonearm.transforms.elements.settings import AnalysisSettings
from tonearm.transforms.elements.stage_times import StageTimes
from tonearm.transforms.elements.track import Track
from tonearm.transforms.features.prepare import prepare_track
from tonearm.transforms.spectrograms.parquet_form import ParquetForm
from tonearm.transforms.spectrograms.record import SpectrogramRecord
from tonearm.transforms.storage.schemes import storage_of
from tonearm.transforms.tables import spectrogram_sink


def records(output: Path) -> dict[str, SpectrogramRecord]:
    """All records of an output by their id, as a reader of the form reads them; none is there twice."""
    read: dict[str, SpectrogramRecord] = {}
    for path in sorted(output.glob("spectrograms/*/*.parquet")):
        with path.open("rb") as file:
            for heading in ParquetForm().headings(file):
                assert heading.track_id not in read
                read[heading.track_id] = ParquetForm().read(file, heading.place)
    return read


def committed_files(output: Path) -> int:
    return len(list(output.glob("spectrograms/*/*.parquet")))


def test_a_manifest_becomes_the_patches_that_ingestion_would_see(samples: Path, output: Path) -> None:
    assert tonearm("spectrograms", samples, "--output", output) == 0

    assert counts(output) == (8, 8, 0, 0)
    read = records(output)
    assert len(read) == 8
    for record in read.values():
        assert record.front_end == FrontEnd()
        assert record.fingerprint == FrontEnd().fingerprint
        assert record.metadata
        content = Path(record.uri).read_bytes()
        assert record.facts.content_sha256 == hashlib.sha256(content).hexdigest()
    for record in list(read.values())[:2]:
        found = storage_of(record.uri).look_up(record.uri)
        track = Track("", record.uri, found.generation)
        prepared = prepare_track(track, AnalysisSettings(), FrontEnd(), StageTimes())
        assert np.array_equal(record.patches, prepared.spectrogram.patches.astype(np.float16))
        assert np.array_equal(record.starts_s, prepared.spectrogram.starts_s)
        assert (record.generation, record.facts) == (found.generation, prepared.facts)
    assert leftovers(output) == []


def test_an_analyst_reads_the_table_and_which_run_made_it(songs: Path, output: Path) -> None:
    assert tonearm("spectrograms", songs, "--output", output) == 0

    (run,) = table(output, "runs")
    rows = table(output, "spectrograms")
    assert {row["run_id"] for row in rows} == {run["run_id"]}
    assert {row["frontend"] for row in rows} == {run["frontend"]}
    assert json.loads(rows[0]["frontend_settings"]) == asdict(FrontEnd())
    assert run["settings"]["spectrograms_with_uris"] == "True"


def test_a_second_run_makes_what_is_new_and_fails_no_track_twice(
    tmp_path: Path, songs: Path, output: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.mp3").write_bytes(b"no music at all, but named so")
    names = [*songs.iterdir(), tmp_path / "bad.mp3", tmp_path / "later.flac"]
    rows = [{"track_id": path.name, "uri": str(path)} for path in names]
    manifest = write_manifest(tmp_path / "manifest.csv", rows)

    assert tonearm("spectrograms", manifest, "--output", output) == 0
    assert counts(output) == (6, 4, 0, 2)
    assert errors(output) == {"bad.mp3": "not_audio", "later.flac": "not_found"}
    write_song(tmp_path / "later.flac")
    capfd.readouterr()
    assert tonearm("spectrograms", manifest, "--output", output, "--max_failed_fraction", "0") == 0
    assert counts(output) == (6, 1, 5, 0)
    told = capfd.readouterr().out
    assert "seen 6 = made 1 + skipped 5 + failed 0" in told
    assert "skipped, already made: 4" in told
    assert len(records(output)) == 5
    assert len(table(output, "failures")) == 2


def test_what_was_made_is_remade_where_it_is_asked_for(songs: Path, output: Path) -> None:
    assert tonearm("spectrograms", songs, "--output", output) == 0
    assert tonearm("spectrograms", songs, "--output", output, "--remake", "--max_patches", "2") == 0

    assert counts(output) == (4, 4, 0, 0)
    assert len(table(output, "spectrograms")) == 8


def test_gaps_are_left_out_between_patches_and_told(tmp_path: Path, output: Path) -> None:
    song = write_song(tmp_path / "long.flac", seconds=15.5)
    assert tonearm("spectrograms", song, "--output", tmp_path / "whole") == 0
    assert tonearm("spectrograms", song, "--output", output, "--hop_gap", "0") == 2
    assert tonearm("spectrograms", song, "--output", output, "--hop_gap", "1") == 0

    (whole,), (gapped,) = (records(made).values() for made in (tmp_path / "whole", output))
    assert len(whole.patches) == 5
    assert np.array_equal(gapped.patches, whole.patches[::2])
    assert gapped.starts_s == pytest.approx([0, 5.984, 11.968])
    assert gapped.analyzed_s == pytest.approx(3 * 2.992)
    assert gapped.fingerprint == whole.fingerprint
    (run,) = table(output, "runs")
    assert run["settings"]["spectrograms_hop_gap"] == "1"


def test_what_gives_less_away_is_not_mixed_with_what_gives_more(
    tmp_path: Path, output: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    song = write_song(tmp_path / "long.flac", seconds=15.5)
    assert tonearm("spectrograms", song, "--output", output) == 0

    for less in (("--hop_gap", "1"), ("--without_uris",), ("--remake", "--hop_gap", "1")):
        assert tonearm("spectrograms", song, "--output", output, *less) == 2
        assert "made with --hop_gap 0 and with URIs, which give more away" in capfd.readouterr().err

    assert len(table(output, "spectrograms")) == len(table(output, "runs")) == 1
    assert tonearm("spectrograms", song, "--output", output) == 0


def test_too_many_failures_end_the_run_with_one(tmp_path: Path, output: Path) -> None:
    (tmp_path / "bad.mp3").write_bytes(b"no music at all, but named so")

    assert tonearm("spectrograms", tmp_path / "bad.mp3", "--output", output) == 0
    assert (
        tonearm(
            *("spectrograms", tmp_path / "bad.mp3", "--output", output),
            *("--remake", "--max_failed_fraction", "0.5"),
        )
        == 1
    )


def test_uris_are_withheld_from_all_that_is_written(tmp_path: Path, output: Path) -> None:
    folder = tmp_path / "secret-folder"
    (folder / "secret-name.mp3").parent.mkdir()
    (folder / "secret-name.mp3").mkdir()
    write_song(folder / "secret-song.flac")
    (folder / "secret-noise.mp3").write_bytes(b"no music at all, but named so")
    uris = ["secret-song.flac", "secret-noise.mp3", "secret-name.mp3", "secret-missing.mp3"]
    rows = [{"track_id": f"id {n}", "uri": str(folder / uri)} for n, uri in enumerate(uris)]
    manifest = write_manifest(folder / "manifest.csv", rows)
    call = ("spectrograms", manifest, "--output", output, "--without_uris")

    assert tonearm(*call) == 0
    assert counts(output) == (4, 1, 0, 3)
    assert [row["uri"] for name in ("spectrograms", "failures") for row in table(output, name)] == [""] * 4
    told = str([table(output, name) for name in ("failures", "runs")])
    assert "secret" not in told
    assert all(b"secret" not in path.read_bytes() for path in output.rglob("*.parquet"))

    assert tonearm(*call) == 0
    assert counts(output)[:3] == (4, 0, 2)
    assert tonearm(*call[:-1]) == 0
    assert counts(output)[:3] == (4, 0, 2)
    assert len(records(output)) == 1


def test_no_audio_is_left_in_the_files(tmp_path: Path, output: Path) -> None:
    song = write_song(tmp_path / "song.wav", "wav_16")
    assert tonearm("spectrograms", song, "--output", output) == 0

    (written,) = output.glob("spectrograms/*/*.parquet")
    audio = song.read_bytes()
    content = written.read_bytes()
    assert len(content) < len(audio) / 4
    assert not any(audio[place : place + 16] in content for place in range(1000, len(audio), 5000))


def test_files_are_cut_by_their_size(songs: Path, output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spectrogram_sink, "FILE_PATCH_BYTES", 1)
    assert tonearm("spectrograms", songs, "--output", output, "--direct_num_workers", "1") == 0

    assert len(list(output.glob("spectrograms/*/*.parquet"))) == 4
    assert len(records(output)) == 4


def test_which_tracks_are_made_is_read_from_the_ends_of_the_files(songs: Path, output: Path) -> None:
    """A catalog's spectrograms take terabytes; a second run must not read them."""
    assert tonearm("spectrograms", songs, "--output", output) == 0
    for path in output.glob("spectrograms/*/*.parquet"):
        content = path.read_bytes()
        footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
        path.write_bytes(b"PAR1" + bytes(footer - 4) + content[footer:])

    assert tonearm("spectrograms", songs, "--output", output) == 0
    assert counts(output) == (4, 0, 4, 0)


def test_a_bucket_is_worked_into_a_bucket(gcs_server: GcsServer, songs: Path, tmp_path: Path) -> None:
    gcs_server.create_bucket(BUCKET)
    names = upload_songs(gcs_server, songs)
    call = ("spectrograms", f"gs://{BUCKET}/in/", "--output", f"gs://{BUCKET}/{TABLES}")

    assert tonearm(*call) == 0
    assert len(records(tables_of(gcs_server, tmp_path / "t"))) == 4
    gcs_server.faults.requests.clear()
    assert tonearm(*call) == 0
    assert counts(tables_of(gcs_server, tmp_path / "t")) == (4, 0, 4, 0)
    assert not [name for name in names if fetches(gcs_server.faults, name)]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--output", "bigquery://project.dataset"], "spectrograms are files"),
        (["--output", "out", "--runner", "PrismRunner"], "leave --runner out"),
        (["--output", "out", "--segment_seconds", "3"], "there is no option --segment_seconds"),
        (["--output", "out", "--max_patches", "4000"], "at most 3738 patches"),
        (["another", "--output", "out"], "spectrograms takes one"),
    ],
)
def test_a_call_that_cannot_be_is_told_in_one_line(
    options: list[str], told: str, songs: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert tonearm("spectrograms", songs, *options) == 2
    assert told in capfd.readouterr().err


@pytest.mark.slow
def test_kills_leave_no_half_file_and_no_double(songs: Path, output: Path, tmp_path: Path) -> None:
    manifest = manifest_of_copies(songs, tmp_path, copies=6)
    call = ("spectrograms", manifest, "--output", output, "--wave_tracks", "2", "--direct_num_workers", "1")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environ = {"TMPDIR": str(temporary)}
    moments = random.Random(20261127)
    for _ in range(2):
        before = committed_files(output)
        process = start_killable(tmp_path / "log", environ, *map(str, call))
        wait_for(lambda so_far=before: committed_files(output) > so_far, timeout_s=60)
        time.sleep(moments.uniform(0, 0.1))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL, "it ended before it could be killed; give it more tracks"
        assert committed_files(output) > before
        records(output)
    assert tonearm(*call) == 0

    assert len(records(output)) == 24
    runs: list[dict[str, Any]] = table(output, "runs")
    assert sum(run["n_tagged"] for run in runs) == 24, "committed work was done again"
    assert leftovers(output) == []
    assert list(temporary.iterdir()) == []
