"""Tracks, manifests, taggers and tables on gs:// and s3://, by the command as people call it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.catalog import KEY, counts, errors, start_tonearm, table, tonearm, write_manifest
from tests.cloud import BUCKET, TABLES, fetches, rows, tables_of, upload_songs
from tests.servers.gcs import GcsServer
from tests.servers.s3 import S3Server
from tonearm.model_artifacts import __file__ as artifacts

COVER = b"\xff\xd8\xff" + bytes(1 << 20)
SCHEMES = ["gs", "s3"]


@pytest.fixture
def server(request: pytest.FixtureRequest, scheme: str) -> Iterator[Any]:
    """The store of a URL's scheme, with one bucket."""
    server = request.getfixturevalue("gcs_server" if scheme == "gs" else "s3_server")
    server.create_bucket(BUCKET)
    return server


def names_of(table_rows: list[dict[str, Any]]) -> list[str]:
    return sorted(Path(row["uri"]).name for row in table_rows)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_prefix_is_tagged_and_each_object_is_fetched_once(
    scheme: str, server: Any, songs: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    names = upload_songs(server, songs)
    server.upload(BUCKET, "in/cover.jpg", COVER)
    url, output = f"{scheme}://{BUCKET}/in/**", f"{scheme}://{BUCKET}/{TABLES}"
    assert tonearm("ingest", url, "--output", output) == 0
    tables = tables_of(server, tmp_path / "t")
    tagged = table(tables, "track_tags")
    assert names_of(tagged) == sorted(song.name for song in songs.iterdir())
    assert all(row["generation"] for row in tagged)
    assert counts(tables) == (5, 4, 1, 0)
    assert {name: len(fetches(server.faults, name)) for name in names} == dict.fromkeys(names, 1)
    assert not [name for name in server.names(BUCKET, TABLES) if "_staging" in name or "_commits" in name]
    capfd.readouterr()
    assert tonearm("show", output, "flac") == 0
    assert f"{scheme}://{BUCKET}/in/flac.flac" in capfd.readouterr().out


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_second_run_fetches_no_track_and_few_requests_make_a_commit(
    scheme: str, server: Any, songs: Path, tmp_path: Path
) -> None:
    names = upload_songs(server, songs)
    call = ("ingest", f"{scheme}://{BUCKET}/in/", "--output", f"{scheme}://{BUCKET}/{TABLES}")
    assert tonearm(*call) == 0
    server.faults.requests.clear()
    assert tonearm(*call) == 0
    assert counts(tables_of(server, tmp_path / "t")) == (4, 0, 4, 0)
    assert not [name for name in names if fetches(server.faults, name)]
    assert len(server.faults.requests) < 80


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_manifest_and_a_tagger_may_lie_in_the_store(
    scheme: str, server: Any, songs: Path, tmp_path: Path
) -> None:
    upload_songs(server, songs, "music")
    for file in (Path(artifacts).parent / "musicnn").rglob("*"):
        if file.is_file():
            server.upload(BUCKET, f"taggers/ours/{file.name}", file)
    rows_of_manifest = [
        {"track_id": "a", "uri": "music/flac.flac", "artist": "Ada"},
        {"track_id": "b", "uri": f"{scheme}://{BUCKET}/music/mp3.mp3", "artist": "Bo"},
        {"track_id": "c", "uri": "music/missing.flac", "artist": "Cy"},
    ]
    server.upload(BUCKET, "catalog.csv", write_manifest(tmp_path / "catalog.csv", rows_of_manifest))
    base = f"{scheme}://{BUCKET}"
    output = tmp_path / "tables"
    assert (
        tonearm("ingest", f"{base}/catalog.csv", "--tagger", f"{base}/taggers/ours", "--output", output) == 0
    )
    assert {row["track_id"]: dict(row["metadata"]) for row in table(output, "track_tags")} == {
        "a": {"artist": "Ada"},
        "b": {"artist": "Bo"},
    }
    assert errors(output) == {"missing.flac": "not_found"}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_cannot_be_read_has_its_word(scheme: str, server: Any, songs: Path, output: Path) -> None:
    upload_songs(server, songs)
    server.faults.fail(status=403, path="*mp3.mp3*")
    server.upload(BUCKET, "in/large.wav", (songs / "flac.flac").read_bytes() + bytes(1 << 20))
    server.upload(BUCKET, "in/noise.flac", b"no music" * 1000)
    limit = ("--max_track_bytes", str(1 << 20))
    assert tonearm("ingest", f"{scheme}://{BUCKET}/in", "--output", output, *limit) == 0
    assert errors(output) == {
        "mp3.mp3": "forbidden",
        "large.wav": "too_large",
        "noise.flac": "not_audio",
    }
    assert not fetches(server.faults, "in/large.wav")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_an_object_overwritten_after_it_was_listed_waits_for_the_next_run(
    scheme: str, server: Any, songs: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tonearm.transforms.features import prepare

    fetched = prepare.fetched

    def overwritten_first(track: Any, *arguments: Any) -> Any:
        if track.uri.endswith("mp3.mp3") and not overwritten:
            overwritten.append(server.upload(BUCKET, "in/mp3.mp3", songs / "flac.flac"))
        return fetched(track, *arguments)

    overwritten: list[str | int] = []
    upload_songs(server, songs)
    monkeypatch.setattr(prepare, "fetched", overwritten_first)
    call = ("ingest", f"{scheme}://{BUCKET}/in", "--output", output)
    assert tonearm(*call) == 0
    assert errors(output) == {"mp3.mp3": "changed"}
    assert tonearm(*call) == 0
    (row,) = [row for row in table(output, "track_tags") if row["uri"].endswith("mp3.mp3")]
    assert (row["generation"], row["codec"]) == (str(overwritten[0]), "flac")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_bucket_that_is_not_there_is_a_wrong_call(
    scheme: str, server: Any, output: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert tonearm("ingest", f"{scheme}://nowhere/in", "--output", output) == 2
    assert "cannot be listed" in capfd.readouterr().err


def test_s3_by_beams_options_alone(
    s3_server: S3Server, songs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3_server.create_bucket(BUCKET)
    upload_songs(s3_server, songs)
    without = {name: value for name, value in os.environ.items() if name not in s3_server.environ}
    monkeypatch.setattr(os, "environ", without)
    base = f"s3://{BUCKET}"
    assert tonearm("ingest", f"{base}/in", "--output", f"{base}/{TABLES}", *s3_server.beam_options) == 0
    assert len(rows(s3_server, tmp_path / "t")) == len(list(songs.iterdir()))


@pytest.mark.slow
def test_gs_by_environment_alone(gcs_server: GcsServer, songs: Path, tmp_path: Path) -> None:
    gcs_server.create_bucket(BUCKET)
    upload_songs(gcs_server, songs)
    run = start_tonearm("ingest", f"gs://{BUCKET}/in/**", "--output", f"gs://{BUCKET}/{TABLES}")
    log, _ = run.communicate(timeout=120)
    assert run.returncode == 0, log
    tagged = rows(gcs_server, tmp_path / "t")
    assert len({tuple(row[column] for column in KEY) for row in tagged}) == len(tagged) == 4


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_bucket_is_listed_once(scheme: str, server: Any, songs: Path, output: Path) -> None:
    upload_songs(server, songs)
    server.faults.requests.clear()
    assert tonearm("ingest", f"{scheme}://{BUCKET}/in/", "--output", output) == 0
    listings = [request for _, request, _ in server.faults.requests if "prefix=in" in request]
    assert len(listings) == 1, listings
