"""Bad input through the command: each file ends as documented, the run goes on, nothing is left behind."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.catalog import counts, errors, leftovers, query, table, tonearm, write_manifest, write_song
from tests.hostile_files import (
    IN_A_FOLDER,
    IN_A_MANIFEST,
    PASSED_OVER,
    SILENT,
    TAGGED,
    TRUNCATED,
    write_hostile_files,
)

CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, PR_CAPBSET_DROP = 1, 2, 24


class Listener:
    """A host that counts who asks it for anything."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                listener.requests.append(self.path)
                self.send_error(404)

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/secret.mp3"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.close()


@pytest.fixture
def hostile(tmp_path: Path, listener: Listener) -> Path:
    """A folder of hostile files; the song that the playlist points at lies beside it."""
    folder = tmp_path / "hostile"
    folder.mkdir()
    write_hostile_files(folder, write_song(tmp_path / "secret.flac"), listener.url)
    return folder


def outcomes(output: Path, names: Iterator[str] | list[str]) -> dict[str, str]:
    """How each file ended, by name."""
    ended = errors(output)
    for row in table(output, "track_tags"):
        selected = any(tag["selected"] for tag in row["tags"])
        ended[Path(row["uri"]).name] = TRUNCATED if row["truncated"] else TAGGED if selected else SILENT
    return {name: ended.get(name, PASSED_OVER) for name in names}


def assert_counts_reconcile(output: Path) -> None:
    """The books of the last run and of the tables agree, as an analyst would check."""
    seen, tagged, skipped, failed = counts(output)
    assert seen == tagged + skipped + failed
    (rows,) = query(
        """
        select (select count(*) from read_parquet('{output}/track_tags/**/*.parquet')) as tagged,
               (select count(*) from read_parquet('{output}/failures/**/*.parquet')) as failed,
               (select sum(n_tagged) from read_parquet('{output}/runs/**/*.parquet')) as run_tagged,
               (select max(n_failed) from read_parquet('{output}/runs/**/*.parquet')) as run_failed
        """,
        output,
    )
    assert rows["tagged"] == rows["run_tagged"]
    assert rows["failed"] == rows["run_failed"]


def assert_failures_are_told_for_people(output: Path) -> None:
    for row in table(output, "failures"):
        assert row["message"]
        assert "Traceback" not in row["message"]
        assert row["stage"] in {"source", "fetch", "decode", "spectrogram"}


def test_hostile_files_in_a_folder_end_as_documented(
    hostile: Path, output: Path, listener: Listener, temporary_folder: Path
) -> None:
    assert tonearm("ingest", hostile, "--output", output) == 0
    assert outcomes(output, list(IN_A_FOLDER)) == IN_A_FOLDER
    assert counts(output)[0] == len(IN_A_FOLDER)
    assert_counts_reconcile(output)
    assert listener.requests == []
    assert_failures_are_told_for_people(output)
    assert leftovers(output) == []
    assert list(temporary_folder.iterdir()) == []

    assert tonearm("ingest", hostile, "--output", output) == 0
    seen, tagged, _, failed = counts(output)
    retriable = ["dangling.mp3"]
    assert (seen, tagged, failed) == (len(IN_A_FOLDER), 0, len(retriable))
    assert_counts_reconcile(output)


def test_hostile_files_in_a_manifest_end_as_documented(
    hostile: Path, output: Path, listener: Listener, temporary_folder: Path
) -> None:
    rows = [{"track_id": f"id {number}", "uri": name} for number, name in enumerate(IN_A_MANIFEST)]
    manifest = write_manifest(hostile / "catalog.csv", rows)
    assert tonearm("ingest", manifest, "--output", output) == 0
    assert outcomes(output, list(IN_A_MANIFEST)) == IN_A_MANIFEST
    assert counts(output)[0] == len(rows)
    assert_counts_reconcile(output)
    assert listener.requests == []
    assert list(temporary_folder.iterdir()) == []


@pytest.mark.slow
def test_a_file_that_may_not_be_read_is_forbidden_and_tried_again_later(tmp_path: Path, output: Path) -> None:
    folder = tmp_path / "music"
    folder.mkdir()
    locked = write_song(folder / "locked.flac")
    locked.chmod(0)
    run_as_one_who_minds_permissions("ingest", folder, "--output", output)
    assert errors(output) == {"locked.flac": "forbidden"}
    locked.chmod(0o600)
    assert tonearm("ingest", folder, "--output", output) == 0
    assert counts(output) == (1, 1, 0, 0)


def run_as_one_who_minds_permissions(*arguments: str | Path) -> None:
    """Run the command without root's power to read what it may not."""
    command = [str(Path(sys.executable).with_name("tonearm")), *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True, preexec_fn=_give_up_root_powers)


def _give_up_root_powers() -> None:
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
            libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


def test_a_row_that_names_no_bucket_that_could_be_costs_itself_alone(
    tmp_path: Path, output: Path, request: pytest.FixtureRequest
) -> None:
    for server in ("gcs_server", "s3_server"):
        request.getfixturevalue(server)
    song = write_song(tmp_path / "a.flac")
    ends = {
        "gs:///a.mp3": "invalid_row",
        "s3://": "invalid_row",
        "gs://-/a.mp3": "not_found",
        "s3://B_/a.mp3": "not_found",
        "gs://bucket": "not_found",
        "gs://bucket/": "not_found",
        "s3://bucket": "not_found",
        "s3://bucket/": "not_found",
    }
    rows = [{"track_id": uri, "uri": uri} for uri in (str(song), *ends)]
    assert tonearm("ingest", write_manifest(tmp_path / "catalog.csv", rows), "--output", output) == 0
    assert counts(output)[1] == 1
    assert {row["track_id"]: row["error"] for row in table(output, "failures")} == ends
