"""A stream on Flink that follows a bundle root: its workers change over, are killed, and others start."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.flink.cluster import FlinkCluster
from tests.bundle_roots import assert_scores_are_those_of_their_taggers, point_at, write_version
from tests.catalog import table, tonearm, write_song
from tests.flink_faults import PATIENCE_S, last_failure, running_job, workers_of
from tests.servers.processes import wait_for
from tests.watched_tables import watched
from tonearm.models.front_end import FrontEnd

pytest_plugins = ["tests.servers.flink"]

pytestmark = pytest.mark.slow

COMMAND = """
import sys
from tonearm.pipelines.graphs import stream
stream.GATHERING_SECONDS = 3.0
from tonearm.pipelines.main import run
sys.exit(run(sys.argv[1:]))
"""
"""The command, whose rows wait for three seconds for others to share their file, and not for a minute."""

LOOKED_S = 11.0
"""By then a worker that gets a track looks at the pointer."""


class Catalog:
    """A watched folder, the root beside it, and the tables.

    Attributes:
        uploaded: So many tracks.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "root"
        self.incoming = folder / "incoming"
        self.output = folder / "tables"
        self.incoming.mkdir()
        for version in (1, 2, 3, 4):
            write_version(self.bundle(version), version)
        write_version(self.bundle(5), 5, front_end=FrontEnd(patch_hop_frames=99))
        point_at(self.root, self.bundle(1))
        self.uploaded = 0

    def bundle(self, version: int) -> Path:
        """Where a version of the tagger lies."""
        return self.folder / f"bundle-{version}"

    def upload(self, count: int) -> None:
        """Upload so many tracks, two a second."""
        for _ in range(count):
            name = f"{self.uploaded:02d}.flac"
            song = write_song(self.folder / "upload.flac", seconds=3.2, from_hz=100.0 + 10 * self.uploaded)
            song.rename(self.incoming / name)
            self.uploaded += 1
            time.sleep(0.5)

    def wait_for_rows(self) -> None:
        """Wait until all that was uploaded is tagged."""
        wait_for(
            lambda: len(table(self.output, "track_tags")) >= self.uploaded,
            timeout_s=PATIENCE_S,
            what=f"{self.uploaded} rows",
        )

    def work(self, count: int = 8) -> set[str]:
        """Upload tracks when every worker is about to look at the pointer; return their rows' taggers."""
        time.sleep(LOOKED_S)
        before = {row["track_id"] for row in table(self.output, "track_tags")}
        self.upload(count)
        self.wait_for_rows()
        return {row["tagger"] for row in table(self.output, "track_tags") if row["track_id"] not in before}


@contextmanager
def streaming(flink: FlinkCluster, catalog: Catalog) -> Iterator[None]:
    """Submit the stream; its job lives on when the command ends."""
    call = ("ingest", "--watch", catalog.incoming, "--output", catalog.output, "--tagger", catalog.root)
    options = ("--poll_seconds", "1", *flink.options(), "--checkpointing_interval=2000")
    with (catalog.folder / "command.log").open("w") as log:
        command = subprocess.Popen(
            [sys.executable, "-c", COMMAND, *map(str, (*call, *options))], stdout=log, stderr=log
        )
    try:
        yield
    finally:
        command.terminate()
        command.wait()
        print((catalog.folder / "command.log").read_text())


def test_workers_change_over_and_each_row_is_of_the_tagger_that_it_names(
    flink: FlinkCluster, tmp_path: Path
) -> None:
    catalog = Catalog(tmp_path)
    with watched(catalog.output) as tables, streaming(flink, catalog):
        job = running_job(flink)
        assert catalog.work() == {"toy@1"}
        point_at(catalog.root, catalog.bundle(2))
        assert catalog.work() == {"toy@2"}
        point_at(catalog.root, catalog.bundle(3), damaged=True)
        assert catalog.work() == {"toy@2"}
        failed = last_failure(flink, job)
        catalog.upload(4)
        point_at(catalog.root, catalog.bundle(4))
        for name in flink.task_managers:
            workers_of(flink, name)[0].kill()
        catalog.upload(4)
        wait_for(lambda: last_failure(flink, job) > failed, timeout_s=PATIENCE_S, what="the job's restart")
        catalog.wait_for_rows()
        assert catalog.work() == {"toy@4"}  # by workers that the job's start knew nothing of
        point_at(catalog.root, catalog.bundle(5))  # of another front end
        assert catalog.work() == {"toy@4"}
        assert tonearm("promote", catalog.bundle(1), catalog.root, "--force") == 0  # an older one
        assert catalog.work() == {"toy@1"}
    assert tables.problems == []
    rows = table(catalog.output, "track_tags")
    assert len(rows) == len({row["track_id"] for row in rows}) == catalog.uploaded
    assert table(catalog.output, "failures") == []
    turns = {
        run["run_id"].rpartition("-")[2]: (run["tagger"], dict(run["settings"]).get("refused_tagger", "")[:5])
        for run in table(catalog.output, "runs")
        if run["run_id"].count("-") > 1
    }
    assert turns == {
        "2": ("toy@2", ""),
        "3": ("toy@2", "toy@3"),
        "4": ("toy@4", ""),
        "5": ("toy@4", "toy@5"),
        "6": ("toy@1", ""),
    }
    assert_scores_are_those_of_their_taggers(rows, catalog.incoming, tmp_path)
