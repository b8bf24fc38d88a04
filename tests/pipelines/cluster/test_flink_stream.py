"""A watched folder on Flink: at every moment a track stands in the tables once at most, in the end once."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.flink.cluster import FlinkCluster
from tests.flink_faults import PATIENCE_S, running_job, workers_of
from tests.flink_streams import (
    FAULTS,
    NEVER,
    OFTEN,
    Uploads,
    completed_checkpoints,
    endure,
    lose_both_task_managers,
    songs_in,
    streaming,
    take_sleepers_for_dead,
)
from tests.servers.processes import wait_for
from tests.watched_tables import FolderFiles, watched

pytest_plugins = ["tests.servers.flink"]

pytestmark = pytest.mark.slow


@pytest.fixture
def songs_to_come(tmp_path: Path) -> list[Path]:
    """Short tracks, to be uploaded while the stream runs."""
    return songs_in(tmp_path / "songs")


@pytest.fixture
def incoming(tmp_path: Path) -> Path:
    """The folder that is watched."""
    (folder := tmp_path / "incoming").mkdir()
    return folder


def put_into(incoming: Path) -> Callable[[Path], object]:
    """How a song comes into the folder whole."""

    def put(song: Path) -> None:
        shutil.copy(song, incoming.with_name("upload"))
        incoming.with_name("upload").rename(incoming / song.name)

    return put


def test_each_track_is_published_once_without_a_checkpoint(
    flink: FlinkCluster, songs_to_come: list[Path], incoming: Path, output: Path
) -> None:
    with watched(FolderFiles(output)) as tables, streaming(flink, incoming, output, NEVER):
        job, uploads = running_job(flink), Uploads(songs_to_come, put_into(incoming), tables)
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

    with watched(FolderFiles(output)) as tables:
        uploads = Uploads(songs_to_come, put_into(incoming), tables)
        with streaming(flink, incoming, output, OFTEN):
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
        with streaming(flink, incoming, output, OFTEN, f"--savepoint_path={savepoint}"):
            uploads.wait_for_rows()
            time.sleep(10)  # in which a row that comes again would be written again
    assert tables.problems == []
    assert len(tables.look()) == uploads.announced


def test_workers_that_sleep_for_half_a_minute_go_on(
    flink: FlinkCluster, songs_to_come: list[Path], incoming: Path, output: Path
) -> None:
    with (
        watched(FolderFiles(output)) as tables,
        streaming(flink, incoming, output, "--checkpointing_interval=2000"),
    ):
        running_job(flink)
        uploads = Uploads(songs_to_come, put_into(incoming), tables)
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
    with (
        watched(FolderFiles(output)) as tables,
        streaming(flink, incoming, output, "--checkpointing_interval=2000"),
    ):
        job, uploads = running_job(flink), Uploads(songs_to_come, put_into(incoming), tables)
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
