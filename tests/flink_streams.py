"""A watched prefix on Flink: the stream, songs that come in while it runs, and what befalls it meanwhile."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from tempfile import TemporaryFile

from deploy.flink.cluster import FlinkCluster
from tests.catalog import write_song
from tests.flink_faults import (
    PATIENCE_S,
    kill_task_manager,
    last_failure,
    start_with,
    workers_of,
)
from tests.servers.processes import wait_for
from tests.watched_tables import WatchedTables

OFTEN = "--checkpointing_interval=2000"
"""A checkpoint every two seconds."""

NEVER = "--checkpointing_interval=3600000"
"""No checkpoint in the time of a test."""

TRACKS = 30
SOONER = "from tonearm.pipelines.graphs import stream; stream.GATHERING_SECONDS = 3.0"
"""Rows wait for three seconds for others to share their file, and not for a minute."""


def songs_in(folder: Path) -> list[Path]:
    """Short tracks, to be uploaded while a stream runs."""
    folder.mkdir()
    return [
        write_song(folder / f"{number:02d}.flac", from_hz=100.0 + 20 * number) for number in range(TRACKS)
    ]


@contextmanager
def streaming(
    flink: FlinkCluster, incoming: Path | str, output: Path | str, *options: str
) -> Iterator[subprocess.Popen[str]]:
    """Submit the stream; its job lives on when the command ends, and its last words are printed."""
    call = ("ingest", "--watch", incoming, "--output", output, "--poll_seconds", "1", *flink.options())
    with TemporaryFile("w+") as told:
        command = start_with(SOONER, *call, *options, told=told)
        try:
            yield command
        finally:
            command.terminate()
            command.wait()
            told.seek(0)
            print(told.read())


def completed_checkpoints(flink: FlinkCluster, job: str) -> int:
    return int(flink.ask(f"/jobs/{job}/checkpoints")["counts"]["completed"])


def lose_a_task_manager(flink: FlinkCluster) -> None:
    kill_task_manager(flink, "task-manager-2")


def lose_both_task_managers(flink: FlinkCluster) -> None:
    for name in tuple(flink.task_managers):
        kill_task_manager(flink, name)


def lose_both_machines(flink: FlinkCluster) -> None:
    """All task managers die, and no worker lives to end what it had begun."""
    for name in tuple(flink.task_managers):
        for worker in workers_of(flink, name):
            worker.kill()
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
    """Songs that come into what is watched, and the wait for their rows.

    Args:
        songs: Their files.
        put: Puts one of them there, whole.
        tables: Where its rows come.
    """

    def __init__(self, songs: list[Path], put: Callable[[Path], object], tables: WatchedTables) -> None:
        self._songs = iter(songs)
        self._put = put
        self._tables = tables
        self.announced = 0

    def upload(self, count: int = 1) -> None:
        """Upload one song a second."""
        for song in islice(self._songs, count):
            self._put(song)
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
