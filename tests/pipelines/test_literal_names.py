"""Inputs and outputs are what they are called, on a disk and in a store, by the command as people call it."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.catalog import counts, table, tonearm
from tests.cloud import BUCKET, rows, upload_songs

SCHEMES = ["gs", "s3"]


@pytest.fixture
def server(request: pytest.FixtureRequest, scheme: str) -> Any:
    """The store of a URL's scheme, with one bucket."""
    server = request.getfixturevalue("gcs_server" if scheme == "gs" else "s3_server")
    server.create_bucket(BUCKET)
    return server


def test_an_output_on_a_disk_is_no_pattern(
    songs: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for number, name in enumerate(("out [v2]", "out*", "out{a}")):
        output, plain = tmp_path / name, tmp_path / f"plain{number}"
        assert tonearm("ingest", songs, "--output", output) == 0
        assert tonearm("ingest", songs, "--output", output) == 0
        shutil.copytree(output, plain)  # whose name DuckDB takes as it is written
        assert sorted(row["n_tagged"] for row in table(plain, "runs")) == [0, 4]
        assert counts(plain) == (4, 0, 4, 0)
        capfd.readouterr()
        assert tonearm("show", output) == 0
        assert "flac.flac" in capfd.readouterr().out


@pytest.mark.parametrize("scheme", SCHEMES)
def test_an_input_and_an_output_in_a_store_are_no_patterns(
    scheme: str, server: Any, songs: Path, tmp_path: Path
) -> None:
    upload_songs(server, songs, "Album [2020]")
    upload_songs(server, songs, "Album [2020]_old")
    base = f"{scheme}://{BUCKET}"
    call = ("ingest", f"{base}/Album [2020]/", "--output", f"{base}/tags [v2]/")
    assert tonearm(*call) == 0
    assert tonearm(*call) == 0
    tagged = table_rows(server, tmp_path / "t", "tags [v2]")
    assert sorted(row["uri"] for row in tagged) == sorted(
        f"{base}/Album [2020]/{song.name}" for song in songs.iterdir()
    )


def table_rows(server: Any, to: Path, prefix: str) -> list[dict[str, Any]]:
    from tests.cloud import tables_of

    return table(tables_of(server, to, prefix), "track_tags")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_names_nothing_in_a_store_is_a_wrong_call(
    scheme: str, server: Any, songs: Path, output: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    upload_songs(server, songs)
    for name in ("nothing", "nothing/", "*.mp3", "in/*.wav"):
        assert tonearm("ingest", f"{scheme}://{BUCKET}/{name}", "--output", output) == 2
        told = capfd.readouterr().err
        assert f"{scheme}://{BUCKET}/{name}: " in told
        assert told.count("\n") == 1
        assert not output.exists()


def test_tables_in_the_watched_folder_are_not_listed(songs: Path, tmp_path: Path) -> None:
    music = tmp_path / "music"
    music.mkdir()
    for song in songs.iterdir():
        (music / song.name).write_bytes(song.read_bytes())
    for _ in range(2):
        assert tonearm("ingest", music, "--output", music / "tags") == 0
    assert counts(music / "tags") == (4, 0, 4, 0)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_an_object_that_is_stored_compressed_is_heard(
    scheme: str, server: Any, songs: Path, tmp_path: Path
) -> None:
    song = gzip.compress((songs / "flac.flac").read_bytes())
    if scheme == "gs":
        blob = server.client.bucket(BUCKET).blob("in/flac.flac")
        blob.content_encoding = "gzip"
        blob.upload_from_string(song)
    else:
        extra = {"ContentEncoding": "gzip"}
        server.client.put_object(Bucket=BUCKET, Key="in/flac.flac", Body=song, **extra)
    base = f"{scheme}://{BUCKET}"
    assert tonearm("ingest", f"{base}/in", "--output", f"{base}/tables") == 0
    (row,) = rows(server, tmp_path / "t")
    plain = tmp_path / "plain"
    assert tonearm("ingest", songs / "flac.flac", "--output", plain) == 0
    (expected,) = table(plain, "track_tags")
    assert row["content_sha256"] == expected["content_sha256"]
    assert row["scores"] == expected["scores"]
