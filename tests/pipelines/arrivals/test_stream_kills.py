"""kill -9 at any moment: the tables end as an undisturbed run's, and no reader ever sees half a file."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import pytest

from tests.catalog import keys, scores, write_song
from tests.cloud import BUCKET, TABLES, tables_of
from tests.killable import Reader, reading, start_killable
from tests.servers.gcs import GcsServer
from tests.servers.processes import wait_for
from tests.servers.pubsub import PubSubServer
from tests.servers.pubsub_queue import Subscription
from tests.streaming import SUBSCRIPTION

pytestmark = pytest.mark.slow

KILLS = 20
TRACKS = 10
RUN_LIMIT_S = 180.0
OUTPUT = f"gs://{BUCKET}/{TABLES}"
SMALL_WAVES = ("--output", OUTPUT, "--wave_tracks", "4", "--direct_num_workers", "2")
STREAM = ("ingest", "--subscription", SUBSCRIPTION, "--max_wave_seconds", "0.5", *SMALL_WAVES)


@dataclass
class Killing:
    """A command that is killed when the store has got so many requests since its start.

    Attributes:
        done: How many kills struck a living process.
        finished: How often the command came to its end before it was struck.
        held: Messages that the killed processes held.
    """

    server: GcsServer
    queue: Subscription
    tmp_path: Path
    arguments: tuple[str, ...]
    moments: random.Random
    expected: Path
    done: int = 0
    finished: int = 0
    held: int = 0

    def start(self) -> BaseProcess:
        """Start the command."""
        return start_killable(self.tmp_path / "run.log", os.environ, *self.arguments)

    def kill_once(self, *, idle: Callable[[], bool], most_requests: int) -> bool:
        """Start the command and kill it; False if it was idle or at its end before its moment came."""
        before = len(self.server.faults.requests)
        moment = before + self.moments.randrange(most_requests)
        process = self.start()
        deadline = time.monotonic() + RUN_LIMIT_S
        while len(self.server.faults.requests) < moment and process.is_alive() and not idle():
            assert time.monotonic() < deadline, (self.tmp_path / "run.log").read_text()[-3000:]
            time.sleep(0.002)
        struck = len(self.server.faults.requests) >= moment and process.is_alive()
        if struck:
            os.kill(process.pid or 0, signal.SIGKILL)
            self.done += 1
            self.held += self.queue.leased
        else:
            self.finished += 1
            if process.is_alive():
                os.kill(process.pid or 0, signal.SIGTERM)
        process.join(timeout=60)
        assert struck or process.exitcode == 0, (self.tmp_path / "run.log").read_text()[-3000:]
        return struck

    def check(self) -> None:
        """Hold the tables against those of the unbroken run."""
        found = tables_of(self.server, self.tmp_path / "found")
        assert keys(found) == keys(self.expected)
        expected_scores, found_scores = scores(self.expected), scores(found)
        for track_id, expected in expected_scores.items():
            np.testing.assert_allclose(found_scores[track_id], expected, atol=1e-5)
        assert not self.server.names(BUCKET, f"{TABLES}/_")

    def wipe(self, reader: Reader) -> None:
        """Delete the tables, so that the next command starts from nothing."""
        with reader.looking_away():
            for name in self.server.names(BUCKET, f"{TABLES}/"):
                self.server.delete(BUCKET, name)


@pytest.fixture
def killing(
    gcs_server: GcsServer,
    pubsub_server: PubSubServer,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Killing:
    """A bucket of tracks, and the tables of a run that nobody disturbed."""
    gcs_server.create_bucket(BUCKET)
    for number in range(TRACKS):
        song = write_song(tmp_path / f"{number}.flac", from_hz=100.0 + 30 * number)
        gcs_server.upload(BUCKET, f"in/{number}.flac", song)
    queue = pubsub_server.subscriptions[SUBSCRIPTION]
    whole = start_killable(
        tmp_path / "whole.log",
        os.environ,
        "ingest",
        f"gs://{BUCKET}/in",
        *SMALL_WAVES[2:],
        "--output",
        OUTPUT,
    )
    whole.join(timeout=200)
    assert whole.exitcode == 0, (tmp_path / "whole.log").read_text()
    expected = tables_of(gcs_server, tmp_path / "expected")
    assert len(keys(expected)) == TRACKS
    killing = Killing(gcs_server, queue, tmp_path, request.param, random.Random(5), expected)
    killing.wipe(Reader(gcs_server))
    return killing


def announce_again(queue: Subscription) -> None:
    for message in list(queue.acked):
        queue.put(message)
    queue.acked.clear()


@pytest.mark.parametrize("killing", [("ingest", f"gs://{BUCKET}/in", *SMALL_WAVES)], indirect=True)
def test_a_batch_run_survives_kills(killing: Killing) -> None:
    with reading(killing.server) as reader:
        while killing.done < KILLS:
            if not killing.kill_once(idle=lambda: False, most_requests=150):
                killing.check()
                killing.wipe(reader)
        last = killing.start()
        last.join(timeout=200)
        assert last.exitcode == 0
        killing.check()
    print(f"{killing.done} kills, {killing.finished} runs to the end, {reader.looks} looks")
    assert not reader.problems


@pytest.mark.parametrize(
    "killing", [STREAM, (*STREAM, "--catch_up", f"gs://{BUCKET}/in")], indirect=True, ids=["alone", "sweep"]
)
def test_a_stream_survives_kills(killing: Killing) -> None:
    queue = killing.queue
    has_sweep = "--catch_up" in killing.arguments
    with reading(killing.server) as reader:
        while killing.done < KILLS:
            if killing.kill_once(idle=lambda: queue.unacked == 0, most_requests=120):
                # A sweep has to do without what the killed run held; a stream alone gets it again.
                if not has_sweep or killing.done % 4 == 0:
                    queue.give_back()
            else:
                killing.check()
                killing.wipe(reader)
                announce_again(queue)
        queue.give_back()
        last = killing.start()
        wait_for(lambda: queue.unacked == 0, timeout_s=120, what="an empty queue")
        os.kill(last.pid or 0, signal.SIGTERM)
        last.join(timeout=60)
        assert last.exitcode == 0
        killing.check()
    print(f"{killing.done} kills with {killing.held} messages held, {killing.finished} runs to the end")
    assert not reader.problems
