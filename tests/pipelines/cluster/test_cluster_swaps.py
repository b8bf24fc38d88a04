"""A stream on a cluster whose root's pointer is moved again and again: on Cloud Storage, with kills.

Prism runs it, with the workers in the command's process: a kill of the one is a kill of both.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.bundle_roots import (
    assert_scores_are_those_of_their_taggers,
    point_at,
    resident_mib,
    write_version,
)
from tests.catalog import table, tonearm, tonearm_command, write_song
from tests.cloud import BUCKET, TABLES, tables_of
from tests.servers.gcs import GcsServer
from tests.servers.processes import wait_for
from tonearm.models.front_end import FrontEnd

pytest_plugins = ["tests.servers.prism"]

pytestmark = pytest.mark.slow

ROOT = f"gs://{BUCKET}/taggers"
OUTPUT = f"gs://{BUCKET}/{TABLES}"
AT_EACH = 25
"""Uploads from one move of the pointer to the next."""

SWAPS = 20
LIMIT_S = 240.0
MOST_GROWTH_MIB = 60
"""From the 5th to the 20th swap. An engine of the network that is swapped here takes 11 MiB: fifteen that
were kept would take 165."""

COMMAND = """
import sys
from tonearm.pipelines.following import followed_tagger
from tonearm.pipelines.graphs import stream
followed_tagger.LOOK_SECONDS, stream.GATHERING_SECONDS = 1.0, 2.0
from tonearm.pipelines.main import run
sys.exit(run(sys.argv[1:]))
"""
"""The command, whose workers look at the pointer each second, and whose rows wait for two."""


@dataclass
class FlippedStream:
    """A stream on a cluster of its own, the bundles that its root comes to point at, and its uploads."""

    server: GcsServer
    folder: Path
    engine: tuple[str, ...]
    uploaded: int = 0
    process: subprocess.Popen[str] | None = None
    others: list[psutil.Process] = field(default_factory=list)

    def start(self) -> None:
        """Start the command; the same each time."""
        call = ("ingest", "--watch", f"gs://{BUCKET}/in/", "--poll_seconds", "1", "--output", OUTPUT)
        command = [sys.executable, "-c", COMMAND, *call, "--tagger", ROOT, *self.engine]
        with self.log.open("a") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, text=True)

    @property
    def log(self) -> Path:
        """What the command says."""
        return self.folder / "stream.log"

    @property
    def pid(self) -> int:
        """The process of the command and of its workers."""
        assert self.process is not None
        return self.process.pid

    def kill(self) -> None:
        """Kill the command, its workers and its cluster outright."""
        family = [psutil.Process(self.pid), *psutil.Process(self.pid).children(recursive=True)]
        for each in family:
            each.kill()
        assert self.process is not None
        self.process.wait()
        psutil.wait_procs(family)

    def end(self) -> int:
        """Stop the stream as a user does; its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=LIMIT_S)

    def upload(self, count: int = AT_EACH) -> None:
        """Upload tracks, each with sound of its own."""
        for number in range(self.uploaded, self.uploaded + count):
            name = f"{number:03d}.flac"
            song = write_song(self.folder / "in" / name, seconds=3.2, from_hz=100.0 + 4 * number)
            self.server.upload(BUCKET, f"in/{name}", song)
        self.uploaded += count

    def wait_for_rows(self) -> None:
        """Wait until all that was uploaded is tagged."""

        def are_there() -> bool:
            assert self.process is not None
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            return len(self.rows("track_tags")) >= self.uploaded

        wait_for(are_there, timeout_s=LIMIT_S, what=f"{self.uploaded} rows")

    def work(self) -> set[str]:
        """Upload tracks, wait for their rows; return the taggers of these."""
        before = {row["track_id"] for row in self.rows("track_tags")}
        self.upload()
        self.wait_for_rows()
        return {row["tagger"] for row in self.rows("track_tags") if row["track_id"] not in before}

    def rows(self, name: str) -> list[dict[str, Any]]:
        """A table's rows."""
        return table(tables_of(self.server, self.folder / "found"), name)

    def promote(self, version: int) -> None:
        """Promote a bundle against all rules."""
        assert tonearm("promote", self.folder / f"bundle-{version}", ROOT, "--force") == 0

    def promote_and_be_killed(self, version: int) -> None:
        """Begin to promote a bundle, and be killed when some of it is in the root; then promote it."""
        call = tonearm_command("promote", self.folder / f"bundle-{version}", ROOT, "--force")
        with subprocess.Popen(call, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as promotion:
            copied = f"taggers/toy@{version}/"
            wait_for(lambda: bool(self.server.names(BUCKET, copied)), timeout_s=LIMIT_S, what="a copied file")
            promotion.kill()
        self.promote(version)


@pytest.fixture
def stream(gcs_server: GcsServer, tmp_path: Path, prism: tuple[str, ...]) -> Iterator[FlippedStream]:
    """The stream, not started yet; its root points at the first bundle."""
    gcs_server.create_bucket(BUCKET)
    (tmp_path / "in").mkdir()
    for version in (1, 2, 3, 4):
        write_version(tmp_path / f"bundle-{version}", version)
    write_version(tmp_path / "bundle-5", 5, front_end=FrontEnd(patch_hop_frames=99))
    assert tonearm("promote", tmp_path / "bundle-1", ROOT) == 0
    stream = FlippedStream(gcs_server, tmp_path, prism)
    try:
        yield stream
    finally:
        print(stream.log.read_text()[-6000:])
        if stream.process and stream.process.poll() is None:
            stream.kill()


def test_two_hundred_uploads_and_seven_moves_of_the_pointer(stream: FlippedStream, tmp_path: Path) -> None:
    stream.start()
    assert stream.work() == {"toy@1"}
    stream.promote(2)
    assert "toy@2" in stream.work()
    point_at(ROOT, tmp_path / "bundle-3", damaged=True)
    assert stream.work() == {"toy@2"}
    stream.promote(5)  # of another front end
    assert stream.work() == {"toy@2"}
    stream.upload(AT_EACH)
    stream.promote(1)  # an older one
    stream.kill()
    stream.start()
    stream.wait_for_rows()
    assert stream.work() == {"toy@1"}
    stream.promote_and_be_killed(4)
    assert "toy@4" in stream.work()
    assert tonearm("rollback", ROOT) == 0
    assert "toy@1" in stream.work()
    assert stream.end() == 0

    rows, runs = stream.rows("track_tags"), stream.rows("runs")
    assert len(rows) == len({row["track_id"] for row in rows}) == stream.uploaded == 8 * AT_EACH
    for name in ("segments", "embeddings"):
        assert {(row["track_id"], row["tagger"]) for row in stream.rows(name)} == {
            (row["track_id"], row["tagger"]) for row in rows
        }
    assert stream.rows("failures") == []
    by_tagger = Counter(row["tagger"] for row in rows)
    print("rows by tagger:", dict(sorted(by_tagger.items())))
    assert by_tagger.keys() == {"toy@1", "toy@2", "toy@4"}
    assert_counts_reconcile(rows, runs)
    assert_turns_are_told(runs)
    assert_scores_are_those_of_their_taggers(rows, tmp_path / "in", tmp_path)


def is_of_a_turn(run: dict[str, Any]) -> bool:
    """Whether a row of runs is that of a turn, and not that of a job."""
    return str(run["run_id"]).count("-") > 1


def assert_counts_reconcile(rows: list[dict[str, Any]], runs: list[dict[str, Any]]) -> None:
    """Hold the rows of both jobs against those of tracks; the first job was killed and has no end."""
    first, second = sorted((run for run in runs if not is_of_a_turn(run)), key=lambda run: run["started"])
    by_run = Counter(row["run_id"] for row in rows)
    assert first["ended"] is None
    assert second["n_tagged"] == by_run[second["run_id"]]
    assert second["n_seen"] == second["n_tagged"] + second["n_skipped"]
    assert second["n_skipped"] == by_run[first["run_id"]]  # nothing is tagged again in the job that follows
    assert by_run.total() == by_run[first["run_id"]] + by_run[second["run_id"]]


def assert_turns_are_told(runs: list[dict[str, Any]]) -> None:
    """Each move of the pointer has its row, but for those that the second job began behind."""
    turns = sorted((run for run in runs if is_of_a_turn(run)), key=lambda run: run["run_id"])
    told = [(turn["tagger"], dict(turn["settings"]).get("refused_tagger", "")[:28]) for turn in turns]
    assert told == [
        ("toy@2", ""),
        ("toy@2", "toy@3: mtt.safetensors of th"),
        ("toy@2", "toy@5 has another front end,"),
        ("toy@4", ""),
        ("toy@1", ""),
    ]


def test_memory_does_not_grow_with_the_number_of_swaps(stream: FlippedStream, tmp_path: Path) -> None:
    stream.start()
    stream.upload(1)
    stream.wait_for_rows()
    resident = [resident_mib(stream.pid)]
    for swap in range(SWAPS):
        point_at(ROOT, tmp_path / f"bundle-{2 - swap % 2}")
        stream.upload(1)
        stream.wait_for_rows()
        resident.append(resident_mib(stream.pid))
    assert stream.end() == 0
    print("MiB after each swap:", *map(round, resident))
    rows = sorted(stream.rows("track_tags"), key=lambda row: row["uri"])
    assert [row["tagger"] for row in rows] == ["toy@1", *["toy@2", "toy@1"] * (SWAPS // 2)]
    assert resident[SWAPS] - resident[5] < MOST_GROWTH_MIB
