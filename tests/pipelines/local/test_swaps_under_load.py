"""A stream whose root's pointer is moved again and again: on Cloud Storage, with a kill, and for long."""

from __future__ import annotations

import os
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from tests.bundle_roots import assert_scores_are_those_of_their_taggers, point_at, resident_mib
from tests.catalog import table, tonearm, write_song
from tests.cloud import BUCKET, TABLES, tables_of
from tests.killable import start_killable
from tests.servers.gcs import GcsServer
from tests.servers.processes import wait_for
from tests.servers.pubsub import PubSubServer
from tests.servers.pubsub_queue import Subscription
from tests.streaming import SUBSCRIPTION
from tests.toy_architecture import ToyArchitecture, write_bundle
from tonearm.models.architectures import ARCHITECTURES
from tonearm.models.front_end import FrontEnd

pytestmark = pytest.mark.slow

UPLOADS = 200
FLIPS = 5
AT_EACH = UPLOADS // (FLIPS + 1) + 1
IN_FLIGHT = 8
"""Tracks that are not tagged yet when the pointer is flipped."""

ROOT = f"gs://{BUCKET}/taggers"
STREAM = (
    *("ingest", "--subscription", SUBSCRIPTION, "--max_wave_seconds", "0.5"),
    *("--output", f"gs://{BUCKET}/{TABLES}", "--tagger", ROOT, "--wave_tracks", "4"),
    *("--direct_num_workers", "2"),
)
LIMIT_S = 300.0
SWAPS = 20
MOST_GROWTH_MIB = 60
"""From the 5th to the 20th swap. An engine of the network that is swapped here takes 11 MiB: fifteen that
were kept would take 165."""


@dataclass
class FlippedStream:
    """A stream in a process of its own, and the bundles that its root comes to point at."""

    server: GcsServer
    queue: Subscription
    folder: Path
    process: BaseProcess | None = None

    def start(self) -> None:
        """Start the command; the same each time."""
        self.process = start_killable(self.log, os.environ, *STREAM, further=[ToyArchitecture()])

    @property
    def log(self) -> Path:
        """What the command says."""
        return self.folder / "stream.log"

    def end(self, by: signal.Signals) -> int | None:
        """Send a signal and wait for the process to end; its exit code."""
        assert self.process is not None
        assert self.process.pid is not None
        os.kill(self.process.pid, by)
        self.process.join(timeout=LIMIT_S)
        return self.process.exitcode

    def wait_for_rows(self, at_least: int) -> None:
        """Wait until so many tracks are tagged."""

        def are_there() -> bool:
            assert self.process is not None
            assert self.process.is_alive(), self.log.read_text()[-3000:]
            return len(self.rows("track_tags")) >= at_least

        wait_for(are_there, timeout_s=LIMIT_S, what=f"{at_least} rows")

    def rows(self, name: str) -> list[dict[str, Any]]:
        """A table's rows."""
        return table(tables_of(self.server, self.folder / "found"), name)

    def promote(self, version: int) -> None:
        """Promote a bundle against all rules."""
        assert tonearm("promote", self.folder / f"bundle-{version}", ROOT, "--force") == 0

    def point_at_a_damaged_one(self) -> None:
        """Make a bundle current that is damaged."""
        point_at(ROOT, self.folder / "bundle-3", damaged=True)


@pytest.fixture
def stream(
    gcs_server: GcsServer, pubsub_server: PubSubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FlippedStream]:
    """The stream, not started yet; its root points at the first bundle."""
    monkeypatch.setitem(ARCHITECTURES, "toy", ToyArchitecture())
    gcs_server.create_bucket(BUCKET)
    for version in (1, 2, 3, 4):
        write_bundle(tmp_path / f"bundle-{version}", ["one"], version=version)
    write_bundle(tmp_path / "bundle-5", ["one"], version=5, front_end=FrontEnd(patch_hop_frames=99))
    assert tonearm("promote", tmp_path / "bundle-1", ROOT) == 0
    stream = FlippedStream(gcs_server, pubsub_server.subscriptions[SUBSCRIPTION], tmp_path)
    try:
        yield stream
    finally:
        if stream.process and stream.process.is_alive():
            stream.process.kill()


def test_two_hundred_uploads_and_five_flips(stream: FlippedStream, tmp_path: Path) -> None:
    def go_back_and_be_killed() -> None:
        stream.promote(1)
        assert stream.end(signal.SIGKILL) == -signal.SIGKILL
        stream.queue.give_back()
        stream.start()

    flips: list[Callable[[], None]] = [
        lambda: stream.promote(2),
        stream.point_at_a_damaged_one,
        lambda: stream.promote(5),
        go_back_and_be_killed,
        lambda: stream.promote(4),
    ]
    assert len(flips) == FLIPS
    (tmp_path / "in").mkdir()
    stream.start()
    for number in range(UPLOADS):
        name = f"{number:03d}.flac"
        song = write_song(tmp_path / "in" / name, seconds=3.2, from_hz=100.0 + 4 * number)
        stream.server.upload(BUCKET, f"in/{name}", song)
        if number % AT_EACH == AT_EACH - 1:
            stream.wait_for_rows(number - IN_FLIGHT)
            flips.pop(0)()
    assert not flips
    stream.wait_for_rows(UPLOADS)
    wait_for(lambda: stream.queue.unacked == 0, timeout_s=LIMIT_S, what="an empty queue")
    assert stream.end(signal.SIGTERM) == 0

    rows, runs = stream.rows("track_tags"), stream.rows("runs")
    assert len(rows) == len({row["track_id"] for row in rows}) == UPLOADS
    by_tagger = Counter(row["tagger"] for row in rows)
    assert by_tagger.keys() == {"toy@1", "toy@2", "toy@4"}
    assert min(by_tagger.values()) > IN_FLIGHT
    assert_counts_reconcile(runs, by_tagger)
    refused = [reason for run in runs if (reason := dict(run["settings"]).get("refused_tagger"))]
    assert len(refused) == 1  # the last reason of one turn
    assert "has another front end" in refused[0]
    said = stream.log.read_text()
    assert said.count("goes on tagging: toy@3: ") == said.count("goes on tagging: toy@5 ") == 1
    assert_scores_are_those_of_their_taggers(rows, tmp_path / "in", tmp_path)


def assert_counts_reconcile(runs: list[dict[str, Any]], by_tagger: Counter[str]) -> None:
    """Hold the rows of runs against those of tracks; one run was killed and has no end."""
    tagged = Counter[str]()
    for run in runs:
        tagged[run["tagger"]] += run["n_tagged"]
        assert run["n_seen"] == run["n_tagged"] + run["n_skipped"] + run["n_failed"]
    assert +tagged == by_tagger
    assert sum(run["n_failed"] for run in runs) == 0
    assert sum(run["ended"] is None for run in runs) == 1


def test_memory_does_not_grow_with_the_number_of_swaps(tmp_path: Path) -> None:
    root, output, incoming = tmp_path / "root", tmp_path / "tables", tmp_path / "incoming"
    incoming.mkdir()
    song = write_song(tmp_path / "song.flac", seconds=3.2)

    def promote(version: int) -> None:
        bundle = write_bundle(tmp_path / f"bundle-{version}", ["mtt"], version=version)
        assert tonearm("promote", bundle, root, "--force") == 0
        shutil.rmtree(bundle)

    promote(0)
    resident = []
    with streaming(tmp_path / "log", incoming, output, root) as process:
        for swap in range(SWAPS + 1):
            if swap:
                promote(swap)
            shutil.copy(song, incoming / f"{swap}.flac")
            wait_for(
                lambda rows=swap + 1: process.is_alive() and len(table(output, "track_tags")) >= rows,
                timeout_s=LIMIT_S,
                what=f"{swap + 1} rows",
            )
            assert process.pid is not None
            resident.append(resident_mib(process.pid))
    assert {row["tagger"] for row in table(output, "track_tags")} == {f"toy@{n}" for n in range(SWAPS + 1)}
    print("MiB after each swap:", *map(round, resident))
    assert resident[SWAPS] - resident[5] < MOST_GROWTH_MIB


@contextmanager
def streaming(log: Path, incoming: Path, output: Path, root: Path) -> Iterator[BaseProcess]:
    """A stream of a folder, in a process of its own, that is ended with the context."""
    watched = ("--watch", str(incoming), "--poll_seconds", "0.1", "--max_wave_seconds", "0.1")
    options = ("--output", str(output), "--tagger", str(root), "--direct_num_workers", "1")
    process = start_killable(log, os.environ, "ingest", *watched, *options)
    try:
        yield process
    finally:
        assert process.pid is not None
        os.kill(process.pid, signal.SIGTERM)
        process.join(timeout=LIMIT_S)
