"""Backfills on Flink: the tables of one machine, whatever befalls task managers, workers and jobs."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from deploy.flink.cluster import FlinkCluster
from deploy.flink.comparison import differences
from tests.catalog import start_tonearm, tonearm, write_song
from tests.flink_faults import (
    PATIENCE_S,
    kill_task_manager,
    last_failure,
    running_job,
    start_with,
    wait_for_workers,
    workers_of,
)
from tests.servers.processes import wait_for
from tests.servers.s3 import S3Server

pytest_plugins = ["tests.servers.flink"]

pytestmark = pytest.mark.slow


SMALL_FILE_BATCHES = """
from tonearm.pipelines.graphs import backfill
backfill.TRACKS_PER_FILE, backfill.BACKFILL_SHARDS = 3, 1
"""
"""One gatherer, and files of three tracks: to it nine tracks are what 24,000 are to eight gatherers."""


@pytest.fixture
def unbroken(samples: Path, tmp_path: Path) -> Path:
    """The tables that one machine makes of the samples."""
    output = tmp_path / "one_machine"
    assert tonearm("ingest", samples, "--output", output) == 0
    return output


def started(samples: Path, output: Path | str, flink: FlinkCluster) -> subprocess.Popen[str]:
    """A backfill of the samples, when its workers are at work."""
    command = start_tonearm("ingest", samples, "--output", output, *flink.options())
    wait_for_workers(flink)
    return command


def ended_well(command: subprocess.Popen[str]) -> bool:
    said, _ = command.communicate(timeout=PATIENCE_S)
    print(said)
    return command.returncode == 0


def test_a_cancelled_job_leaves_nothing_that_breaks_the_next_one(
    samples: Path, unbroken: Path, output: Path, flink: FlinkCluster
) -> None:
    command = started(samples, output, flink)
    flink.ask(f"/jobs/{running_job(flink)}?mode=cancel", method="PATCH")
    said, _ = command.communicate(timeout=PATIENCE_S)
    assert command.returncode == 1, said
    assert tonearm("ingest", samples, "--output", f"{output}-2", *flink.options()) == 0
    assert differences(str(unbroken), f"{output}-2") == []


def test_a_task_manager_is_killed_before_files_are_written(
    samples: Path, unbroken: Path, output: Path, flink: FlinkCluster
) -> None:
    command = started(samples, output, flink)
    job = running_job(flink)
    assert not list(output.glob("*/*/part-*"))
    kill_task_manager(flink, "task-manager-2")
    assert ended_well(command)
    assert last_failure(flink, job)
    assert differences(str(unbroken), str(output)) == []


def test_a_task_manager_is_killed_after_files_were_written(
    samples: Path, unbroken: Path, s3_server: S3Server, flink: FlinkCluster
) -> None:
    """A row of one batch does not get into the tables, so the job cannot end before the task manager does."""
    s3_server.create_bucket("music")
    s3_server.faults.hang(method="PUT", path="/music/tags/track_tags/*", times=1)
    command = started(samples, "s3://music/tags", flink)
    job = running_job(flink)

    def is_written() -> bool:
        return s3_server.faults.held == 1 and bool(s3_server.names("music", "tags/track_tags/"))

    wait_for(is_written, timeout_s=PATIENCE_S, what="the first file of track_tags")
    kill_task_manager(flink, "task-manager-2")
    s3_server.faults.heal()
    assert ended_well(command)
    assert last_failure(flink, job)
    assert differences(str(unbroken), "s3://music/tags") == []


def test_task_managers_are_killed_while_one_of_many_file_batches_is_published(
    tmp_path: Path, s3_server: S3Server, flink: FlinkCluster
) -> None:
    """A song comes in before the job begins again, so that it gathers otherwise."""
    s3_server.create_bucket("music")
    s3_server.faults.hang(method="PUT", path="/music/tags/track_tags/*", times=1)
    (songs := tmp_path / "songs").mkdir()
    for number in range(8):
        write_song(songs / f"{number}.flac", from_hz=100.0 + 20 * number)
    call = ("ingest", songs, "--output", "s3://music/tags", *flink.options())
    command = start_with(SMALL_FILE_BATCHES, *call, told=subprocess.PIPE)
    wait_for(lambda: s3_server.faults.held == 1, timeout_s=PATIENCE_S, what="the first file of track_tags")
    job = running_job(flink)
    assert s3_server.names("music", "tags/segments/")
    write_song(songs / "8.flac", from_hz=300.0)
    for name in tuple(flink.task_managers):
        kill_task_manager(flink, name)
    s3_server.faults.heal()
    assert ended_well(command)
    assert last_failure(flink, job)
    assert tonearm("ingest", songs, "--output", tmp_path / "one_machine") == 0
    assert differences(str(tmp_path / "one_machine"), "s3://music/tags") == []
    assert [name for name in s3_server.names("music", "tags/") if "/_" in name] == []


def test_a_worker_is_killed(samples: Path, unbroken: Path, output: Path, flink: FlinkCluster) -> None:
    command = started(samples, output, flink)
    job = running_job(flink)
    workers_of(flink, "task-manager-2")[0].kill()
    assert ended_well(command)
    assert last_failure(flink, job)
    assert differences(str(unbroken), str(output)) == []


def test_a_worker_sleeps_for_half_a_minute(
    samples: Path, unbroken: Path, output: Path, flink: FlinkCluster
) -> None:
    command = started(samples, output, flink)
    worker = workers_of(flink, "task-manager-2")[0]
    worker.suspend()
    time.sleep(30)
    worker.resume()
    assert ended_well(command)
    assert differences(str(unbroken), str(output)) == []
