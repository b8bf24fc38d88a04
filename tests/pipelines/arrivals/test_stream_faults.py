"""Faults of stores, disks and queues: a run recovers, or ends with a clear word and a state to go on from."""

from __future__ import annotations

import json
import resource
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
import pytest

from tests.catalog import counts, errors, keys, leftovers, start_tonearm, table, tonearm, tonearm_command
from tests.cloud import BUCKET, TABLES, fetches, stream_until, tables_of, upload_songs
from tests.servers import processes, pubsub
from tests.servers.gcs import GcsServer
from tests.servers.pubsub import PubSubServer, subscription_path
from tests.servers.pubsub_queue import Subscription
from tests.servers.s3 import S3Server
from tests.streaming import STREAM, SUBSCRIPTION
from tonearm.pipelines.arrivals import leases

IN, OUT = f"gs://{BUCKET}/in", f"gs://{BUCKET}/{TABLES}"


@pytest.fixture
def store(gcs_server: GcsServer, songs: Path) -> GcsServer:
    """A bucket with four tracks."""
    gcs_server.create_bucket(BUCKET)
    upload_songs(gcs_server, songs)
    return gcs_server


@pytest.fixture
def queue(store: GcsServer, pubsub_server: PubSubServer) -> Subscription:
    """Their announcements."""
    return pubsub_server.subscriptions[SUBSCRIPTION]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let hanging connections count as broken soon, and passing faults be final soon."""
    from tonearm.transforms.storage import gcs

    monkeypatch.setattr(gcs, "_TIMEOUT", (1.0, 1.0))


def outage(seconds: float) -> Callable[[GcsServer], None]:
    return lambda store: store.faults.fail(status=503, seconds=seconds)


FAULTS: dict[str, Callable[[GcsServer], None]] = {
    "too many requests": lambda store: store.faults.fail(status=429, times=4),
    "cut bodies": lambda store: store.faults.cut(after_bytes=1000, path="*alt=media*", times=3),
}
LONG_FAULTS: dict[str, Callable[[GcsServer], None]] = {
    "three seconds": outage(3),
    "twenty seconds": outage(20),
    "hanging reads": lambda store: store.faults.hang(path="*alt=media*", times=3),
    "hanging writes": lambda store: store.faults.hang(method="POST", times=1),
}


@pytest.mark.parametrize(
    "fault",
    [
        *(pytest.param(fault, id=name) for name, fault in FAULTS.items()),
        *(pytest.param(fault, id=name, marks=pytest.mark.slow) for name, fault in LONG_FAULTS.items()),
    ],
)
@pytest.mark.usefixtures("impatient")
def test_passing_faults_of_the_store_cost_a_stream_nothing(
    fault: Callable[[GcsServer], None], store: GcsServer, queue: Subscription, tmp_path: Path
) -> None:
    fault(store)
    assert stream_until(lambda: queue.unacked == 0, *STREAM, "--output", OUT, timeout_s=240) == 0
    assert_whole(tables_of(store, tmp_path / "t"))


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["gs", "s3"])
def test_an_outage_of_twenty_seconds(
    scheme: str, songs: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    server: Any = request.getfixturevalue("gcs_server" if scheme == "gs" else "s3_server")
    server.create_bucket(BUCKET)
    upload_songs(server, songs)
    base = f"{scheme}://{BUCKET}"
    run = start_tonearm("ingest", f"{base}/in", "--output", f"{base}/{TABLES}", "--wave_tracks", "2")
    processes.wait_for(lambda: len(server.faults.requests) > 8, timeout_s=120, what="a run under way")
    server.faults.fail(status=503, seconds=20)
    log, _ = run.communicate(timeout=300)
    assert run.returncode == 0, log
    assert_whole(tables_of(server, tmp_path / "t"))


def test_a_body_of_s3_that_is_cut_is_fetched_again(s3_server: S3Server, songs: Path, output: Path) -> None:
    s3_server.create_bucket(BUCKET)
    names = upload_songs(s3_server, songs)
    s3_server.faults.cut(after_bytes=1000, method="GET", path="*in/flac.flac*", times=2)
    assert tonearm("ingest", f"s3://{BUCKET}/in", "--output", output) == 0
    assert_whole(output)
    assert len(fetches(s3_server.faults, names[0])) == 3


def test_a_fault_that_lasts_breaks_the_run_and_the_next_one_goes_on(
    store: GcsServer, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    call = ("ingest", IN, "--output", OUT, "--wave_tracks", "2", "--direct_num_workers", "1")
    store.faults.fail(status=400, method="POST", path="*/rewriteTo/*")  # the move of the first wave
    assert tonearm(*call) == 1
    told = capfd.readouterr().err
    assert "the storage failed" in told
    assert "the same command works the rest" in told
    store.faults.heal()
    assert tonearm(*call) == 0
    assert_whole(tables_of(store, tmp_path / "t"), tagged_at_last=None)
    assert not store.names(BUCKET, f"{TABLES}/_")


@pytest.mark.slow
def test_a_full_disk_under_the_temporary_folder(
    store: GcsServer, output: Path, temporary_folder: Path
) -> None:
    if subprocess.run(on_small_disk(temporary_folder, ["true"]), check=False).returncode:
        pytest.skip("nothing can be mounted here")
    subprocess.run(
        on_small_disk(temporary_folder, tonearm_command("ingest", IN, "--output", output)), check=True
    )
    failures = table(output, "failures")
    assert "flac.flac" in errors(output)
    assert {row["error"] for row in failures} == {"unreadable"}
    assert all("No space left on device" in row["message"] and row["retriable"] for row in failures)
    assert counts(output) == (4, 4 - len(failures), 0, len(failures))
    assert tonearm("retry", output) == 0
    assert_whole(output, tagged_at_last=len(failures))
    assert not list(temporary_folder.iterdir())


def on_small_disk(folder: Path, command: Sequence[str]) -> list[str]:
    """A command for which a folder is a disk of 100 KiB, which nobody else sees and which ends with it."""
    script = 'mount -t tmpfs -o size=100k tmpfs "$1" && shift && exec "$@"'
    enter = ("unshare", "--user", "--map-root-user", "--mount")
    return [*enter, "sh", "-c", script, "sh", str(folder), *command]


def test_files_that_may_not_grow_under_the_temporary_folder(
    store: GcsServer, output: Path, temporary_folder: Path
) -> None:
    """As on a full disk, and where none can be mounted: no file may have the size of the largest track."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        assert tonearm("ingest", IN, "--output", output) == 0
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert errors(output) == {"flac.flac": "unreadable"}
    assert {row["retriable"] for row in table(output, "failures")} == {True}
    assert tonearm("retry", output) == 0
    assert_whole(output, tagged_at_last=1)
    assert not list(temporary_folder.iterdir())


def test_pubsub_that_is_away_for_a_while_is_waited_for(
    store: GcsServer, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = processes.free_port()
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", f"{processes.LOOPBACK}:{port}")
    queues: list[Subscription] = []
    ended = threading.Event()

    def come_back() -> None:
        with pubsub.serve(port=port) as server:
            queues.append(server.create("uploads"))
            announce(server, store, "in/flac.flac")
            ended.wait()

    timer = threading.Timer(3.0, come_back)
    timer.start()
    try:
        acknowledged = lambda: bool(queues and queues[0].acked)  # noqa: E731
        assert stream_until(acknowledged, *STREAM, "--output", str(output)) == 0
    finally:
        ended.set()
        timer.join()
    assert len(keys(output)) == 1


def announce(server: PubSubServer, store: GcsServer, name: str) -> None:
    blob = store.client.bucket(BUCKET).get_blob(name)
    attributes = {"bucketId": BUCKET, "objectId": name, "objectGeneration": str(blob.generation)}
    size = json.dumps({"size": str(blob.size)}).encode()
    server.publish("uploads", size, eventType="OBJECT_FINALIZE", **attributes)


def test_a_subscription_that_is_not_there_is_a_wrong_call(
    pubsub_server: PubSubServer, google_credentials: Any, output: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    missing = subscription_path("nowhere")
    assert tonearm("ingest", "--subscription", missing, "--output", output) == 2
    assert missing in capfd.readouterr().err


def is_for_pushing(server: PubSubServer, queue: Subscription) -> None:
    queue.proto.push_config = {"push_endpoint": "https://example.org"}


def is_detached(server: PubSubServer, queue: Subscription) -> None:
    queue.proto.detached = True


def is_closed(server: PubSubServer, queue: Subscription) -> None:
    server.refusal = grpc.StatusCode.PERMISSION_DENIED, "User not authorized to perform this action."


def token_has_ended(server: PubSubServer, queue: Subscription) -> None:
    server.refusal = grpc.StatusCode.UNAUTHENTICATED, "Request had invalid authentication credentials."


@pytest.mark.parametrize(
    ("refuse", "said"),
    [
        (is_for_pushing, "not supported for this subscription type"),
        (is_detached, "is detached"),
        (is_closed, "not authorized"),
        (token_has_ended, "invalid authentication"),
    ],
)
def test_a_subscription_that_cannot_be_pulled_is_a_wrong_call_with_pubsubs_reason(
    refuse: Callable[[PubSubServer, Subscription], None],
    said: str,
    queue: Subscription,
    pubsub_server: PubSubServer,
    output: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    refuse(pubsub_server, queue)
    assert stream_until(lambda: False, *STREAM, "--output", str(output), timeout_s=30) == 2
    (told,) = [line for line in capfd.readouterr().err.splitlines() if line.startswith("tonearm:")]
    assert SUBSCRIPTION in told
    assert said in told


def test_without_credentials_a_stream_is_a_wrong_call_in_one_line(
    tmp_path: Path, output: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("PUBSUB_EMULATOR_HOST", "GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    assert tonearm("ingest", *STREAM, "--output", output) == 2
    (told,) = capfd.readouterr().err.splitlines()
    assert told.startswith("tonearm: --subscription: no Google credentials")


@pytest.mark.slow
def test_answers_that_pubsub_is_slow_to_take_hold_up_neither_rows_nor_a_stop(
    store: GcsServer,
    queue: Subscription,
    pubsub_server: PubSubServer,
    output: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(leases, "CALL_SECONDS", 1.0)
    pubsub_server.answers_wait_for = threading.Event()
    queue.proto.ack_deadline_seconds = 600
    small = ("--wave_tracks", "1", "--direct_num_workers", "1", "--output", str(output))
    try:
        assert stream_until(lambda: len(keys(output)) == 4, *STREAM, *small, timeout_s=60) == 0
    finally:
        pubsub_server.answers_wait_for.set()
    assert counts(output) == (4, 4, 0, 0)


def assert_whole(tables: Path, *, tagged_at_last: int | None = 4) -> None:
    """Four tracks, each tagged once, and nothing left behind."""
    assert len(set(keys(tables))) == len(keys(tables)) == 4
    assert tagged_at_last is None or counts(tables)[1] == tagged_at_last
    assert not leftovers(tables)
