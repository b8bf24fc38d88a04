"""A watched folder on Flink: at every moment a track stands in the tables once at most, in the end once."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pytest

from deploy.flink.cluster import FlinkCluster
from tests.catalog import write_song
from tests.flink_faults import (
    PATIENCE_S,
    kill_task_manager,
    last_failure,
    running_job,
    start_with,
    workers_of,
)
from tests.servers.processes import wait_for
from tests.watched_tables import WatchedTables, watched

pytest_plugins = ["tests.servers.flink"]

pytestmark = pytest.mark.slow

TRACKS = 30
SOONER = "from tonearm.pipelines.graphs import stream; stream.GATHERING_SECONDS = 3.0"
"""Rows wait for three seconds for others to share their file, and not for a minute."""


@pytest.fixture
def songs_to_come(tmp_path: Path) -> list[Path]:
    """Short tracks, to be uploaded while the stream runs."""
    (folder := tmp_path / "songs").mkdir()
    return [
        write_song(folder / f"{number:02d}.flac", from_hz=100.0 + 20 * number) for number in range(TRACKS)
    ]


@pytest.fixture
def incoming(tmp_path: Path) -> Path:
    """The folder that is watched."""
    (folder := tmp_path / "incoming").mkdir()
    return folder


@contextmanager
def streaming(
    flink: FlinkCluster, incoming: Path, output: Path, *options: str
) -> Iterator[subprocess.Popen[str]]:
    """Submit the stream; its job lives on when the command ends."""
    call = ("ingest", "--watch", incoming, "--output", output, "--poll_seconds", "1", *flink.options())
    log = output.with_suffix(".log")
    with log.open("a") as told:
        command = start_with(SOONER, *call, *options, told=told)
    try:
        yield command
    finally:
        command.terminate()
        command.wait()
        print(log.read_text())


def completed_checkpoints(flink: FlinkCluster, job: str) -> int:
    return int(flink.ask(f"/jobs/{job}/checkpoints")["counts"]["completed"])


def lose_a_task_manager(flink: FlinkCluster) -> None:
    kill_task_manager(flink, "task-manager-2")


def lose_both_task_managers(flink: FlinkCluster) -> None:
    for name in tuple(flink.task_managers):
        kill_task_manager(flink, name)


def lose_the_workers(flink: FlinkCluster) -> None:
    for name in flink.task_managers:
        workers_of(flink, name)[0].kill()


def take_sleepers_for_dead(flink: FlinkCluster) -> None:
    """The workers sleep while their task managers die; they wake up half a minute later, when others work."""
    sleepers = [workers_of(flink, name)[0] for name in flink.task_managers]
    for sleeper in sleepers:
        sleeper.suspend()
    lose_both_task_managers(flink)
    time.sleep(30)
    for sleeper in sleepers:
        sleeper.resume()


FAULTS = (lose_both_task_managers, take_sleepers_for_dead, lose_the_workers, lose_a_task_manager)


class Uploads:
    """Songs that come into the watched folder, and the wait for their rows."""

    def __init__(self, songs: list[Path], incoming: Path, tables: WatchedTables) -> None:
        self._songs = iter(songs)
        self._incoming = incoming
        self._tables = tables
        self.announced = 0

    def upload(self, count: int = 1) -> None:
        """Upload one song a second."""
        for song in islice(self._songs, count):
            shutil.copy(song, self._incoming.with_name("upload"))
            self._incoming.with_name("upload").rename(self._incoming / song.name)
            self.announced += 1
            time.sleep(1)

    def wait_for_rows(self, count: int | None = None) -> None:
        """Wait for the rows of so many tracks; of all that were uploaded, if none is told."""
        wanted = self.announced if count is None else count
        wait_for(
            lambda: len(self._tables.look()) >= wanted, timeout_s=PATIENCE_S, what=f"the {wanted} tracks"
        )


def endure(fault: Callable[[FlinkCluster], None], flink: FlinkCluster, job: str, uploads: Uploads) -> None:
    """Let something happen while rows are being published: some of the songs have theirs, others not yet."""
    before, rows = last_failure(flink, job), uploads.announced
    uploads.upload(3)
    uploads.wait_for_rows(rows + 1)
    fault(flink)
    uploads.upload(2)
    wait_for(lambda: last_failure(flink, job) > before, timeout_s=PATIENCE_S, what="the job's restart")
    uploads.wait_for_rows()


def test_each_track_is_published_once_without_a_checkpoint(
    flink: FlinkCluster, songs_to_come: list[Path], incoming: Path, output: Path
) -> None:
    never = "--checkpointing_interval=3600000"
    with watched(output) as tables, streaming(flink, incoming, output, never):
        job, uploads = running_job(flink), Uploads(songs_to_come, incoming, tables)
        for fault in (lose_both_task_managers, take_sleepers_for_dead):
            endure(fault, flink, job, uploads)
        assert completed_checkpoints(flink, job) == 0
        time.sleep(10)  # in which a row that comes again would be written again
    assert tables.problems == []
    assert len(tables.look()) == uploads.announced
    assert tables.looks > 20


def test_each_track_is_published_once_from_checkpoints_and_from_a_savepoint(
    flink: FlinkCluster, songs_to_come: list[Path], incoming: Path, output: Path
) -> None:
    often = "--checkpointing_interval=2000"
    with watched(output) as tables:
        uploads = Uploads(songs_to_come, incoming, tables)
        with streaming(flink, incoming, output, often):
            job = running_job(flink)
            uploads.upload(2)
            uploads.wait_for_rows()
            wait_for(lambda: completed_checkpoints(flink, job) > 0, timeout_s=PATIENCE_S)
            for fault in FAULTS:
                endure(fault, flink, job, uploads)
            uploads.upload(3)
            uploads.wait_for_rows(uploads.announced - 2)
            savepoint = saved(flink, job)
        uploads.upload(2)
        with streaming(flink, incoming, output, often, f"--savepoint_path={savepoint}"):
            uploads.wait_for_rows()
            time.sleep(10)  # in which a row that comes again would be written again
    assert tables.problems == []
    assert len(tables.look()) == uploads.announced


def test_workers_that_sleep_for_half_a_minute_go_on(
    flink: FlinkCluster, songs_to_come: list[Path], incoming: Path, output: Path
) -> None:
    with watched(output) as tables, streaming(flink, incoming, output, "--checkpointing_interval=2000"):
        running_job(flink)
        uploads = Uploads(songs_to_come, incoming, tables)
        uploads.upload(3)
        uploads.wait_for_rows(1)
        sleepers = [workers_of(flink, name)[0] for name in flink.task_managers]
        for sleeper in sleepers:
            sleeper.suspend()
        uploads.upload(3)
        time.sleep(27)
        for sleeper in sleepers:
            sleeper.resume()
        uploads.wait_for_rows()
    assert tables.problems == []


def test_a_stream_rescales_when_task_managers_come_and_go(
    elastic_flink: FlinkCluster, songs_to_come: list[Path], incoming: Path, output: Path
) -> None:
    """What a HorizontalPodAutoscaler does: another task manager joins, and leaves again."""
    flink = elastic_flink
    with watched(output) as tables, streaming(flink, incoming, output, "--checkpointing_interval=2000"):
        job, uploads = running_job(flink), Uploads(songs_to_come, incoming, tables)
        assert parallelism(flink, job) == 1
        uploads.upload(3)
        uploads.wait_for_rows(1)
        flink.start_task_manager("task-manager-2")
        wait_for(lambda: parallelism(flink, job) == 2, timeout_s=PATIENCE_S, what="the job on both")
        uploads.upload(4)
        uploads.wait_for_rows(uploads.announced - 2)
        flink.task_managers.pop("task-manager-2").terminate()
        wait_for(lambda: parallelism(flink, job) == 1, timeout_s=PATIENCE_S, what="the job on one")
        uploads.upload(3)
        uploads.wait_for_rows()
        time.sleep(10)  # in which a row that comes again would be written again
    assert tables.problems == []
    assert len(tables.look()) == uploads.announced


def parallelism(flink: FlinkCluster, job: str) -> int:
    """On how many task managers a job runs."""
    return max(int(vertex["parallelism"]) for vertex in flink.ask(f"/jobs/{job}")["vertices"])


def saved(flink: FlinkCluster, job: str) -> str:
    """Cancel a job with a savepoint; return where it is."""
    trigger = flink.ask(f"/jobs/{job}/savepoints", {"cancel-job": True})["request-id"]

    def answer() -> dict[str, dict[str, str]]:
        told: dict[str, dict[str, str]] = flink.ask(f"/jobs/{job}/savepoints/{trigger}")
        return told

    wait_for(lambda: answer()["status"]["id"] == "COMPLETED", timeout_s=PATIENCE_S, what="the savepoint")
    return answer()["operation"]["location"]
