"""Outputs that cannot be written to are told before the first track, with exit code 2."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.catalog import counts, leftovers, tonearm
from tests.cloud import BUCKET, TABLES
from tonearm.transforms.storage.schemes import forget_storages
from tonearm.transforms.tables.stored_rows import table_rows


@pytest.fixture(autouse=True)
def fresh_clients() -> None:
    """Forget the storage clients of another test's servers."""
    forget_storages()


@pytest.mark.parametrize("output", ["{file}", "{file}/tables", "/proc/self/tables"])
def test_what_can_be_no_folder(
    songs: Path, tmp_path: Path, output: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (file := tmp_path / "notes.txt").write_text("mine")
    assert tonearm("ingest", songs, "--output", output.format(file=file)) == 2
    assert output.format(file=file) in capsys.readouterr().err
    assert file.read_text() == "mine"


@pytest.mark.parametrize("name", ["track_tags", "runs", "_staging", "_commits"])
@pytest.mark.parametrize("is_link", [False, True])
def test_what_stands_in_the_way_of_a_folder_of_the_tables(
    songs: Path, output: Path, name: str, is_link: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    output.mkdir()
    if is_link:
        (output / name).symlink_to("nowhere")
    else:
        (output / name).write_text("mine")
    assert tonearm("ingest", songs, "--output", output) == 2
    assert f"{output / name} is no folder" in capsys.readouterr().err
    assert [path.name for path in output.iterdir()] == [name]


def test_a_folder_of_a_table_that_is_closed_to_this_account(
    songs: Path, output: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (closed := output / "track_tags").mkdir(parents=True)
    # Tests may run as root, to whom nothing is closed.
    monkeypatch.setattr(os, "access", lambda path, mode: str(path) != str(closed))
    assert tonearm("ingest", songs, "--output", output) == 2
    assert f"{closed} cannot be written to" in capsys.readouterr().err


def test_what_a_killed_run_had_half_written_goes_with_the_next_run(songs: Path, output: Path) -> None:
    partition = output / "track_tags" / "ingest_date=2026-03-14"  # there a cluster's workers write
    for folder in (output, output / "_commits", partition):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".0123456789abcdef.part").write_text('{"run_id": "2026')
    (output / ".mine.part").write_text("mine")
    assert tonearm("ingest", songs, "--output", output) == 0
    assert leftovers(output) == [".mine.part"]


def test_a_marker_of_a_commit_that_is_cut_is_named_and_other_files_are_left_alone(
    songs: Path, output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (commits := output / "_commits").mkdir(parents=True)
    (commits / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    assert tonearm("ingest", songs, "--output", output) == 0
    (commits / "20260314T120000-1-000001.json").write_text('{"commit_id": "2026')
    capsys.readouterr()
    assert tonearm("ingest", songs, "--output", output) == 2
    said = capsys.readouterr().err
    assert "20260314T120000-1-000001.json is no marker of a commit" in said and "Traceback" not in said


@pytest.mark.parametrize(
    "location", ["", "gs://", "gs:///tags", "s3://", "s3:///tags", "s3://B_/tags", "gs://-/tags"]
)
def test_a_location_that_names_no_bucket(
    songs: Path,
    tmp_path: Path,
    location: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    request.getfixturevalue("s3_server" if location.startswith("s3") else "gcs_server")
    (here := tmp_path / "here").mkdir()
    monkeypatch.chdir(here)
    assert tonearm("ingest", songs, "--output", location) == 2
    said = capsys.readouterr().err
    assert f"tonearm: {location or 'the name of the output is empty'}" in said and "Traceback" not in said
    assert not list(here.iterdir())


@pytest.mark.parametrize("scheme", ["gs", "s3"])
def test_a_scheme_in_capitals_is_the_same_output(
    songs: Path, scheme: str, request: pytest.FixtureRequest
) -> None:
    server: Any = request.getfixturevalue("gcs_server" if scheme == "gs" else "s3_server")
    server.create_bucket(BUCKET)
    assert tonearm("ingest", songs, "--output", f"{scheme.upper()}://{BUCKET}/{TABLES}") == 0
    assert len(list(table_rows(f"{scheme}://{BUCKET}/{TABLES}", "track_tags"))) == len(list(songs.iterdir()))
    assert tonearm("show", f"{scheme.upper()}://{BUCKET}/{TABLES}") == 0


@pytest.mark.parametrize("scheme", ["gs", "s3"])
def test_a_bucket_that_is_closed_or_not_there(
    songs: Path, scheme: str, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    server: Any = request.getfixturevalue("gcs_server" if scheme == "gs" else "s3_server")
    server.create_bucket(BUCKET)
    assert tonearm("ingest", songs, "--output", f"{scheme}://nowhere/{TABLES}") == 2
    assert f"{scheme}://nowhere/{TABLES}" in capsys.readouterr().err
    for method in ("PUT", "POST"):
        server.faults.fail(status=403, method=method)
    assert tonearm("ingest", songs, "--output", f"{scheme}://{BUCKET}/{TABLES}") == 2
    assert f"{scheme}://{BUCKET}/{TABLES} cannot be written to" in capsys.readouterr().err


def test_a_run_in_which_no_decoder_was_asked_ends_in_order(
    tmp_path: Path, output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder := tmp_path / "music").mkdir()
    (folder / "empty.mp3").write_bytes(b"")
    (folder / "cover.jpg").write_bytes(b"\xff\xd8\xff" + bytes(100))
    assert tonearm("ingest", folder, "--output", output) == 0
    assert counts(output)[1] == 0
    assert "Traceback" not in capsys.readouterr().err
