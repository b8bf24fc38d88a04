"""The servers do what the tests of the cloud paths rely on, for subprocesses that have only variables."""

from __future__ import annotations

import io
import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from google.api_core.exceptions import PreconditionFailed
from google.cloud import bigquery as google_bigquery
from google.cloud import pubsub_v1, storage  # type: ignore[attr-defined]

from tests.servers import faults, gcs, processes, pubsub, s3
from tests.servers.bigquery import BigQueryServer
from tests.servers.credentials import Credentials
from tests.servers.gcs import GcsServer
from tests.servers.processes import wait_for
from tests.servers.pubsub import PubSubServer

pytest_plugins = ["tests.servers.fixtures"]

BEAM_OPERATIONS = """
import sys
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions

root = sys.argv[1]
FileSystems.set_options(PipelineOptions([]))
for name in "abc":
    with FileSystems.create(f"{root}/temporary/{name}") as file:
        file.write(name.encode())
FileSystems.rename([f"{root}/temporary/{n}" for n in "abc"], [f"{root}/final/{n}" for n in "abc"])
found = FileSystems.match([f"{root}/final/*"])[0].metadata_list
assert [(item.path, item.size_in_bytes) for item in found] == [(f"{root}/final/{n}", 1) for n in "abc"]
assert not FileSystems.exists(f"{root}/temporary/a")
assert FileSystems.open(f"{root}/final/b").read() == b"b"
FileSystems.delete([f"{root}/final/{n}" for n in "abc"])
assert not FileSystems.match([f"{root}/**"])[0].metadata_list
"""


def run_python(code: str, *arguments: str) -> None:
    subprocess.run([sys.executable, "-c", code, *arguments], check=True, timeout=60)


@pytest.mark.slow
def test_beams_filesystem_works_on_gcs_from_a_subprocess(gcs_server: GcsServer) -> None:
    run_python(BEAM_OPERATIONS, gcs_server.create_bucket("catalog"))


@pytest.mark.slow
def test_beams_filesystem_works_on_s3_from_a_subprocess(s3_server: s3.S3Server) -> None:
    run_python(BEAM_OPERATIONS, s3_server.create_bucket("catalog"))


def test_s3_versions_and_etags(s3_server: s3.S3Server) -> None:
    s3_server.create_bucket("catalog", versioned=True)
    first, second = (s3_server.upload("catalog", "a", data) for data in (b"1", b"2"))
    assert first != second
    head = s3_server.client.head_object(Bucket="catalog", Key="a")
    assert (head["ETag"].strip('"'), head["ContentLength"]) == (second, 1)


@pytest.mark.parametrize("write", ["upload", "resumable upload", "rewrite"])
def test_gcs_keeps_what_exists_from_being_overwritten(gcs_server: GcsServer, write: str) -> None:
    gcs_server.create_bucket("catalog")
    gcs_server.upload("catalog", "taken", b"first")
    gcs_server.upload("catalog", "other", b"second")
    bucket = storage.Client().bucket("catalog")
    blob = bucket.blob("taken", chunk_size=256 * 1024 if write == "resumable upload" else None)
    with pytest.raises(PreconditionFailed):
        if write == "rewrite":
            blob.rewrite(bucket.blob("other"), if_generation_match=0)
        else:
            blob.upload_from_file(io.BytesIO(b"second"), if_generation_match=0)
    assert gcs_server.read("catalog", "taken") == b"first"


def test_gcs_refuses_an_old_generation(gcs_server: GcsServer) -> None:
    gcs_server.create_bucket("catalog")
    old = gcs_server.upload("catalog", "track", b"old")
    gcs_server.upload("catalog", "track", b"new")
    with pytest.raises(PreconditionFailed):
        storage.Client().bucket("catalog").blob("track").download_as_bytes(if_generation_match=old)


def test_gcs_announces_what_happens_to_objects(gcs_server: GcsServer, pubsub_server: PubSubServer) -> None:
    gcs_server.create_bucket("catalog")
    generation = gcs_server.upload("catalog", "in/track.mp3", b"sound")
    gcs_server.upload("catalog", "elsewhere/track.mp3", b"sound")
    gcs_server.delete("catalog", "in/track.mp3")
    queue = pubsub_server.subscriptions[pubsub.subscription_path("uploads")]
    wait_for(lambda: queue.waiting == 2, what="two announcements")
    events = {item.message.attributes["eventType"]: item.message for item in queue.take(2, wait_s=0)}
    assert events.keys() == {"OBJECT_FINALIZE", "OBJECT_DELETE"}
    attributes = dict(events["OBJECT_FINALIZE"].attributes)
    assert attributes["payloadFormat"] == "JSON_API_V1"
    assert (attributes["bucketId"], attributes["objectId"]) == ("catalog", "in/track.mp3")
    assert attributes["objectGeneration"] == str(generation)


def test_a_subscriber_gets_every_copy_in_any_order() -> None:
    with pubsub.serve(copies=3, shuffle=random.Random(1)) as server, processes.applied(server.environ):
        queue = server.create("many")
        for number in range(20):
            server.publish("many", str(number).encode())
        with pubsub_v1.SubscriberClient() as client:
            stream = client.subscribe(
                pubsub.subscription_path("many"), callback=lambda message: message.ack()
            )
            wait_for(lambda: queue.unacked == 0, what="an empty queue")
            stream.cancel()
    assert (len(queue.acked), len(queue.acked_ids)) == (60, 20)
    assert [message.data for message in queue.acked] != sorted(message.data for message in queue.acked)


def test_leases_end_and_refused_messages_come_again() -> None:
    with pubsub.serve() as server, processes.applied(server.environ):
        queue = server.create("few")
        server.publish("few", b"x")
        with pubsub_v1.SubscriberClient() as client:
            path = pubsub.subscription_path("few")

            def pull() -> list[str]:
                messages = client.pull(subscription=path, max_messages=5, timeout=5).received_messages
                return [message.ack_id for message in messages]

            client.modify_ack_deadline(subscription=path, ack_ids=pull(), ack_deadline_seconds=0)
            client.modify_ack_deadline(subscription=path, ack_ids=pull(), ack_deadline_seconds=1)
            assert queue.leased == 1
            wait_for(lambda: queue.waiting == 1, what="the lease's end")
            client.acknowledge(subscription=path, ack_ids=pull())
    assert (queue.delivered, queue.nacked, queue.expired, len(queue.acked)) == (3, 1, 1, 1)


def test_bigquery_from_a_subprocess(bigquery_server: BigQueryServer) -> None:
    bigquery_server.create_dataset("music")
    query = "CREATE TABLE music.t (a INT64)"
    run_python(f"from google.cloud import bigquery; bigquery.Client().query_and_wait({query!r})")
    assert bigquery_server.rows("SELECT COUNT(*) AS n FROM music.t") == [{"n": 0}]


@pytest.mark.parametrize(("skip", "stored"), [(False, 0), (True, 4)])
def test_bigquery_refuses_every_third_row(bigquery_server: BigQueryServer, skip: bool, stored: int) -> None:
    bigquery_server.create_dataset("music")
    bigquery_server.rows("CREATE TABLE music.t (a INT64)")
    bigquery_server.refusals.every = 3
    rows = [{"a": number} for number in range(6)]
    errors = google_bigquery.Client().insert_rows_json(
        "music.t", rows, row_ids=[str(number) for number in range(6)], skip_invalid_rows=skip
    )
    assert [error["index"] for error in errors if error["errors"][0]["reason"] == "invalid"] == [2, 5]
    assert bigquery_server.refusals.refused == [{"a": 2}, {"a": 5}]
    assert bigquery_server.rows("SELECT COUNT(*) AS n FROM music.t") == [{"n": stored}]


def test_faults_come_and_go(gcs_server: GcsServer) -> None:
    gcs_server.create_bucket("catalog")
    gcs_server.upload("catalog", "track", b"0123456789")
    url = f"{gcs_server.faults.url}/download/storage/v1/b/catalog/o/track?alt=media"
    gcs_server.faults.fail(status=503, times=1)
    assert requests.get(url, timeout=5).status_code == 503
    assert requests.get(url, timeout=5).content == b"0123456789"
    gcs_server.faults.cut(after_bytes=4, path="*alt=media*")
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        requests.get(url, timeout=5)
    gcs_server.faults.heal()
    gcs_server.faults.hang(path="*track*", times=1)
    with pytest.raises(requests.exceptions.ReadTimeout):
        requests.get(url, timeout=0.5)
    gcs_server.faults.fail(seconds=0.3)
    assert requests.get(url, timeout=5).status_code == 503
    time.sleep(0.3)
    assert requests.get(url, timeout=5).status_code == 200


def test_half_an_upload_is_no_upload(gcs_server: GcsServer) -> None:
    gcs_server.create_bucket("catalog")
    with socket.create_connection(("127.0.0.1", urlsplit(gcs_server.faults.url).port)) as client:
        target = "/upload/storage/v1/b/catalog/o?uploadType=media&name=half"
        client.sendall(f"POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n01234".encode())
        client.shutdown(socket.SHUT_WR)
        assert client.recv(100) == b""
    assert gcs_server.names("catalog") == []


def test_a_dead_server_is_a_dropped_connection() -> None:
    with (
        faults.serve(f"http://127.0.0.1:{processes.free_port()}") as proxy,
        pytest.raises(requests.exceptions.ConnectionError),
    ):
        requests.get(proxy.url, timeout=5)


def test_credentials_name_their_secrets(google_credentials: Credentials) -> None:
    assert all(secret for secret in google_credentials.secrets)
    assert google_credentials.secrets[1] in google_credentials.path.read_text().replace("\\n", "\n")


def test_no_server_outlives_a_killed_test_process(tmp_path: Path) -> None:
    code = f"""
import time
from pathlib import Path
from urllib.parse import urlsplit
from tests.servers import gcs
with gcs.serve(Path({str(tmp_path / "gcs")!r})) as server:
    print(server.child.process.pid, flush=True)
    time.sleep(60)
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
    assert parent.stdout
    server = int(parent.stdout.readline())
    assert is_running(server)
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    wait_for(lambda: not is_running(server), what="the server's end")


def test_a_server_that_fails_shows_its_log(tmp_path: Path) -> None:
    not_a_folder = tmp_path / "file"
    not_a_folder.write_text("")
    with pytest.raises((processes.ServerError, FileExistsError)), gcs.serve(not_a_folder):
        pass


def is_running(pid: int) -> bool:
    """Say whether a process lives; a zombie does not."""
    try:
        os.kill(pid, 0)
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False
