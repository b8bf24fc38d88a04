"""A watched prefix of a store on Flink, with tables in that store: each track once, whatever is killed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.flink.cluster import FlinkCluster
from tests.catalog import tonearm
from tests.cloud import BUCKET
from tests.flink_faults import PATIENCE_S, last_failure, running_job
from tests.flink_streams import (
    NEVER,
    OFTEN,
    Uploads,
    completed_checkpoints,
    endure,
    lose_both_machines,
    lose_both_task_managers,
    lose_the_workers,
    songs_in,
    streaming,
)
from tests.servers.gcs import GcsServer
from tests.servers.processes import wait_for
from tests.servers.s3 import S3Server
from tests.watched_tables import BucketFiles, watched
from tonearm.transforms.storage.schemes import forget_storages

pytest_plugins = ["tests.servers.flink"]

pytestmark = pytest.mark.slow


@pytest.fixture
def songs_to_come(tmp_path: Path) -> list[Path]:
    """Short tracks, to be uploaded while the stream runs."""
    return songs_in(tmp_path / "songs")


@dataclass(frozen=True, slots=True)
class Store:
    """A bucket of a server."""

    server: GcsServer | S3Server
    bucket: str

    def put(self, song: Path) -> None:
        """Upload a song."""
        self.server.upload(BUCKET, f"music/{song.name}", song)


@pytest.fixture(params=["gcs_server", "s3_server"])
def store(request: pytest.FixtureRequest) -> Store:
    server: GcsServer | S3Server = request.getfixturevalue(request.param)
    url = server.create_bucket(BUCKET)
    forget_storages()
    return Store(server, url)


def test_each_track_is_published_once(store: Store, flink: FlinkCluster, songs_to_come: list[Path]) -> None:
    """First nothing happens, then all task managers are killed, and all workers."""
    incoming, output = f"{store.bucket}/music/", f"{store.bucket}/tags"
    with (
        watched(BucketFiles(store.server, BUCKET, "tags")) as tables,
        streaming(flink, incoming, output, OFTEN),
    ):
        job, uploads = running_job(flink), Uploads(songs_to_come, store.put, tables)
        uploads.upload(4)
        uploads.wait_for_rows()
        wait_for(lambda: completed_checkpoints(flink, job) > 0, timeout_s=PATIENCE_S)
        for fault in (lose_both_task_managers, lose_the_workers):
            endure(fault, flink, job, uploads)
        time.sleep(10)  # in which a row that comes again would be written again
    assert tables.problems == []
    assert len(tables.look()) == uploads.announced == 14
    assert tables.looks > 20
    assert tonearm("ingest", incoming, "--output", output) == 0  # a batch run finds nothing left to do
    assert len(tables.look()) == 14
    assert tables.problems == []


def test_all_machines_die_when_a_file_batch_is_half_in_the_tables(
    s3_server: S3Server, flink: FlinkCluster, songs_to_come: list[Path]
) -> None:
    """The job, which has no checkpoint, begins again and gathers otherwise: there are more songs by then."""
    store = Store(s3_server, s3_server.create_bucket(BUCKET))
    incoming, output = f"{store.bucket}/music/", f"{store.bucket}/tags"
    with (
        watched(BucketFiles(s3_server, BUCKET, "tags")) as tables,
        streaming(flink, incoming, output, NEVER),
    ):
        job, uploads = running_job(flink), Uploads(songs_to_come, store.put, tables)
        s3_server.faults.hang(method="PUT", path=f"/{BUCKET}/tags/track_tags/*", times=1)
        uploads.upload()
        wait_for(
            lambda: s3_server.faults.held == 1, timeout_s=PATIENCE_S, what="the first file of track_tags"
        )
        assert s3_server.names(BUCKET, "tags/segments/")
        uploads.upload(5)
        lose_both_machines(flink)
        s3_server.faults.heal()
        uploads.wait_for_rows()
        time.sleep(10)  # in which a row that comes again would be written again
    assert last_failure(flink, job)
    assert tables.problems == []
    assert len(tables.look()) == uploads.announced == 6
