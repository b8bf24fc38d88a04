"""Two runs on one output, each in a process of its own: the second is refused, the first loses no row."""

from __future__ import annotations

import os
import random
import re
import signal
import socket
import time
from collections import Counter
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from tests.catalog import tonearm, write_manifest, write_song
from tests.cloud import BUCKET
from tests.killable import start_killable
from tests.servers.processes import wait_for
from tonearm.transforms.tables.outputs import output_at
from tonearm.transforms.tables.schemas import Row
from tonearm.transforms.tables.stored_rows import table_rows

pytest_plugins = ["tests.bigquery_datasets"]

TRACKS = 12
SMALL_WAVES = ("--wave_tracks", "2", "--direct_num_workers", "1")
ON_CLUSTER = ("--runner", "apache_beam.runners.portability.fn_api_runner.FnApiRunner")
"""By its full name, Beam's local runner is a cluster to us."""


def slow(store: str) -> Any:
    """A store that is left to the slow tests."""
    return pytest.param(store, marks=pytest.mark.slow)


@pytest.fixture(params=["disk", "gs", "s3", "bigquery"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An output on each kind of store."""
    match request.param:
        case "disk":
            return str(tmp_path / "tables")
        case "bigquery":
            return str(request.getfixturevalue("target").location)
        case scheme:
            server: Any = request.getfixturevalue("gcs_server" if scheme == "gs" else "s3_server")
            server.create_bucket(BUCKET)
            return f"{scheme}://{BUCKET}/tags"


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """A dozen tracks of one file."""
    song = write_song(tmp_path / "song.flac", seconds=12)
    rows = [{"track_id": str(number), "uri": str(song)} for number in range(TRACKS)]
    return write_manifest(tmp_path / "catalog.csv", rows)


def started(tmp_path: Path, *arguments: str | Path) -> BaseProcess:
    """Start the command in a process of its own."""
    return start_killable(tmp_path / "first.log", os.environ, "ingest", *map(str, arguments))


def wait_until_held(location: str) -> None:
    """Wait until a run holds the output."""

    def is_held() -> bool:
        try:
            return any(board.read() is not None for board in output_at([location]).boards())
        except Exception:  # the dataset or folder may not be ready yet
            return False

    wait_for(is_held, timeout_s=120, what="a run that holds the output")


def assert_refused(said: str) -> None:
    """The message names the first run, its host and its last sign of life."""
    assert re.search(r"run \d{8}T\d{6}-[0-9a-f]{8} \((batch|streaming)\) on host ", said), said
    assert f"on host {socket.gethostname()}" in said
    assert re.search(r"last sign of life at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", said)


def assert_whole(location: str, tracks: int = TRACKS) -> None:
    """Every track once, and the rows are those that all runs counted together."""
    rows = list(table_rows(location, "track_tags", ["track_id"]))
    assert Counter(row["track_id"] for row in rows).most_common(1)[0][1] == 1
    assert len(rows) == tracks
    runs: list[Row] = list(table_rows(location, "runs", ["n_tagged"]))
    assert sum(run["n_tagged"] for run in runs) == tracks


@pytest.mark.parametrize("location", ["disk", slow("gs"), slow("s3"), slow("bigquery")], indirect=True)
def test_a_second_batch_run_is_refused_and_the_first_loses_nothing(
    location: str, manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = started(tmp_path, manifest, "--output", location, *SMALL_WAVES)
    wait_until_held(location)
    assert tonearm("ingest", manifest, "--output", location) == 2
    assert_refused(capsys.readouterr().err)
    first.join(timeout=200)
    assert first.exitcode == 0, (tmp_path / "first.log").read_text()
    assert_whole(location)


@pytest.mark.parametrize("location", ["disk", slow("gs"), slow("s3")], indirect=True)
def test_a_batch_run_beside_a_stream_is_refused(
    location: str, manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (watched := tmp_path / "watched").mkdir()
    write_song(watched / "a.flac")
    watch = ("--watch", watched, "--poll_seconds", "0.5", "--max_wave_seconds", "0.5")
    stream = started(tmp_path, *watch, "--output", location)
    wait_until_held(location)
    assert tonearm("ingest", manifest, "--output", location) == 2
    assert_refused(capsys.readouterr().err)
    wait_for(lambda: len(list(table_rows(location, "track_tags"))) == 1, timeout_s=60, what="its row")
    os.kill(stream.pid or 0, signal.SIGTERM)
    stream.join(timeout=60)
    assert stream.exitcode == 0, (tmp_path / "first.log").read_text()
    assert tonearm("ingest", manifest, "--output", location) == 0
    assert_whole(location, TRACKS + 1)


@pytest.mark.parametrize("location", [slow("disk"), slow("gs"), slow("s3"), slow("bigquery")], indirect=True)
def test_a_batch_run_beside_a_backfill_on_a_cluster_is_refused(
    location: str, manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    backfill = started(tmp_path, manifest, "--output", location, *ON_CLUSTER)
    wait_until_held(location)
    # Whoever is refused at once says so; of a cluster's job the signs of life are looked for.
    code = tonearm("ingest", manifest, "--output", location)
    said = capsys.readouterr().err
    backfill.join(timeout=200)
    assert backfill.exitcode == 0, (tmp_path / "first.log").read_text()
    assert code in {0, 2}
    if code == 2:
        assert_refused(said)
    assert_whole(location)


@pytest.mark.parametrize("location", ["disk", slow("gs"), slow("s3"), slow("bigquery")], indirect=True)
def test_a_killed_run_is_recovered_at_once_on_its_machine(
    location: str, manifest: Path, tmp_path: Path
) -> None:
    first = started(tmp_path, manifest, "--output", location, *SMALL_WAVES)
    wait_until_held(location)
    time.sleep(0.5)
    os.kill(first.pid or 0, signal.SIGKILL)
    first.join(timeout=60)
    began = time.monotonic()
    assert tonearm("ingest", manifest, "--output", location) == 0
    assert time.monotonic() - began < 60
    rows = list(table_rows(location, "track_tags", ["track_id"]))
    assert len(rows) == len({row["track_id"] for row in rows}) == TRACKS
    assert all(board.read() is None for board in output_at([location]).boards())


@pytest.mark.slow
def test_a_run_started_at_random_moments_of_another(location: str, manifest: Path, tmp_path: Path) -> None:
    moments, codes = random.Random(11), Counter[tuple[int | None, int | None]]()
    song = write_song(tmp_path / "more.flac", seconds=3.5)
    for number in range(20):
        rows = [{"track_id": f"{number} {track}", "uri": str(song)} for track in range(6)]
        each = write_manifest(tmp_path / f"{number}.csv", rows)
        first = started(tmp_path, each, "--output", location, *SMALL_WAVES)
        time.sleep(moments.uniform(0, 3.0))
        second = started(tmp_path, each, "--output", location, *SMALL_WAVES)
        for process in (first, second):
            process.join(timeout=200)
        codes[first.exitcode, second.exitcode] += 1
        assert {first.exitcode, second.exitcode} <= {0, 2}, (tmp_path / "first.log").read_text()[-3000:]
        assert 0 in {first.exitcode, second.exitcode}
        assert_whole(location, 6 * (number + 1))
    print(codes)
    assert any(2 in pair for pair in codes)
