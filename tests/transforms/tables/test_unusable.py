"""Outputs that cannot be written to are told before the first track, with exit code 2."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.catalog import counts, tonearm
from tests.cloud import BUCKET, TABLES
from tonearm.transforms.storage.schemes import forget_storages


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
