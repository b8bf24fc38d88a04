"""Streams: what is announced or found while they run is in the tables, once, before it is acknowledged."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.catalog import counts, errors, keys, last_run, table, tonearm
from tests.cloud import BUCKET, TABLES, make_songs, rows, stream_until, tables_of, upload_songs, uploading
from tests.servers.gcs import GcsServer
from tests.servers.pubsub import PubSubServer, subscription_path
from tests.servers.pubsub_queue import Subscription
from tests.servers.s3 import S3Server

SUBSCRIPTION = subscription_path("uploads")
STREAM = ("--subscription", SUBSCRIPTION, "--max_wave_seconds", "0.5")
PER_RUN = {"run_id", "analyzed_at", "occurred_at", "ingest_date"}


@pytest.fixture
def queue(gcs_server: GcsServer, pubsub_server: PubSubServer) -> Subscription:
    """The queue of announcements of a bucket."""
    gcs_server.create_bucket(BUCKET)
    return pubsub_server.subscriptions[SUBSCRIPTION]


def comparable(tables: Path, name: str) -> list[str]:
    """Rows without what differs from run to run, sorted; scores to five digits."""

    def plain(value: Any) -> Any:
        if isinstance(value, float):
            return round(value, 5)
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items() if key not in PER_RUN}
        return [plain(item) for item in value] if isinstance(value, list) else value

    return sorted(str(plain(row)) for row in table(tables, name))


def test_tracks_uploaded_meanwhile_give_the_tables_of_a_batch_run(
    gcs_server: GcsServer, queue: Subscription, tmp_path: Path
) -> None:
    songs = make_songs(tmp_path, 12)
    output = f"gs://{BUCKET}/{TABLES}"
    with uploading(gcs_server, songs) as uploaded:
        assert (
            stream_until(lambda: uploaded.is_set() and queue.unacked == 0, *STREAM, "--output", output) == 0
        )
    assert_equal_to_a_batch_run(gcs_server, tmp_path, len(songs))


@pytest.mark.slow
def test_fifty_tracks_of_all_formats_uploaded_meanwhile(
    gcs_server: GcsServer, queue: Subscription, tmp_path: Path
) -> None:
    songs = make_songs(tmp_path, 50)
    output = f"gs://{BUCKET}/{TABLES}"
    with uploading(gcs_server, songs, pause_s=0.2) as uploaded:
        assert (
            stream_until(
                lambda: uploaded.is_set() and queue.unacked == 0, *STREAM, "--output", output, timeout_s=200
            )
            == 0
        )
    assert len(queue.acked) == 50
    assert_equal_to_a_batch_run(gcs_server, tmp_path, len(songs))


def assert_equal_to_a_batch_run(server: GcsServer, tmp_path: Path, tracks: int) -> None:
    streamed = tables_of(server, tmp_path / "streamed")
    assert counts(streamed) == (tracks, tracks, 0, 0)
    assert last_run(streamed)["mode"] == "streaming"
    assert len(set(keys(streamed))) == len(keys(streamed)) == tracks
    assert tonearm("ingest", f"gs://{BUCKET}/in", "--output", tmp_path / "batch") == 0
    for name in ("track_tags", "segments", "embeddings"):
        assert comparable(streamed, name) == comparable(tmp_path / "batch", name)


def test_a_watched_prefix_on_s3(s3_server: S3Server, songs: Path, tmp_path: Path) -> None:
    s3_server.create_bucket(BUCKET)
    output = tmp_path / "tables"
    watch = ("--watch", f"s3://{BUCKET}/in/**", "--poll_seconds", "0.3", "--max_wave_seconds", "0.5")
    with uploading(s3_server, sorted(songs.iterdir()), pause_s=0.4):
        assert stream_until(lambda: len(table(output, "track_tags")) == 4, *watch, "--output", output) == 0
    assert counts(output) == (4, 4, 0, 0)
    assert len(set(keys(output))) == 4


def test_three_deliveries_in_any_order_and_objects_overwritten_meanwhile(
    gcs_server: GcsServer, queue: Subscription, pubsub_server: PubSubServer, tmp_path: Path
) -> None:
    pubsub_server.copies, queue.shuffle = 3, random.Random(3)
    songs = make_songs(tmp_path, 15)
    second_takes = [tmp_path / song.name for song in songs[::5]]
    output = tmp_path / "tables"
    with uploading(gcs_server, [*songs, *second_takes]) as uploaded:
        assert (
            stream_until(lambda: uploaded.is_set() and queue.unacked == 0, *STREAM, "--output", str(output))
            == 0
        )
    announced = {
        (message.attributes["objectId"], message.attributes["objectGeneration"])
        for message in queue.acked
        if message.attributes["eventType"] == "OBJECT_FINALIZE"
    }
    tagged, failed = table(output, "track_tags"), table(output, "failures")
    settled = Counter((row["uri"].split("/", 3)[3], row["generation"]) for row in [*tagged, *failed])
    assert settled == Counter(announced)
    assert len(announced) == len(songs) + len(second_takes)
    assert {row["error"] for row in failed} <= {"changed"}
    present = {name: str(blob.generation) for name, blob in present_blobs(gcs_server).items()}
    assert present.items() <= {(row["uri"].split("/", 3)[3], row["generation"]) for row in tagged}


def present_blobs(server: GcsServer) -> dict[str, Any]:
    return {blob.name: blob for blob in server.client.list_blobs(BUCKET, prefix="in/")}


def test_a_stop_drains_what_is_in_flight_and_gives_back_the_rest(
    gcs_server: GcsServer, queue: Subscription, tmp_path: Path
) -> None:
    songs = make_songs(tmp_path, 20)
    for song in songs:
        gcs_server.upload(BUCKET, f"in/{song.name}", song)
    output = tmp_path / "tables"
    small = ("--wave_tracks", "4", "--output", output)
    assert stream_until(lambda: len(queue.acked) > 2, *STREAM, *map(str, small)) == 0
    acked = {message.attributes["objectId"].removeprefix("in/") for message in queue.acked}
    assert acked == {Path(row["uri"]).name for row in table(output, "track_tags")}
    assert len(acked) < len(songs)
    assert (queue.leased, queue.waiting) == (0, len(songs) - len(acked))
    assert stream_until(lambda: queue.unacked == 0, *STREAM, "--output", str(output)) == 0
    assert len(set(keys(output))) == len(keys(output)) == len(songs)


def test_messages_stay_leased_while_their_wave_lasts(
    gcs_server: GcsServer, queue: Subscription, songs: Path, output: Path
) -> None:
    queue.proto.ack_deadline_seconds = 1
    upload_songs(gcs_server, songs)
    patient = ("--max_wave_seconds", "3", "--output", str(output))
    assert stream_until(lambda: queue.unacked == 0, "--subscription", SUBSCRIPTION, *patient) == 0
    assert (queue.delivered, queue.expired) == (4, 0)


def test_malformed_messages_are_failures_and_hold_up_nothing(
    gcs_server: GcsServer, queue: Subscription, pubsub_server: PubSubServer, songs: Path, output: Path
) -> None:
    pubsub_server.copies = 3
    good = {"bucketId": BUCKET, "objectId": "in/a.flac", "objectGeneration": "1"}
    finalize = {"eventType": "OBJECT_FINALIZE"}
    pubsub_server.publish("uploads", b"")
    pubsub_server.publish("uploads", b"\xff\x00 no JSON", **finalize, **good)
    pubsub_server.publish("uploads", b"[]", **finalize, **good)
    pubsub_server.publish("uploads", b'{"size": "-1"}', **finalize, **good)
    pubsub_server.publish("uploads", b'{"size": "1"}', **finalize, **good | {"objectGeneration": "x"})
    pubsub_server.publish("uploads", b'{"size": "1"}', **finalize, **good | {"bucketId": ""})
    gcs_server.upload(BUCKET, "in/flac.flac", songs / "flac.flac")
    assert stream_until(lambda: queue.unacked == 0, *STREAM, "--output", str(output)) == 0
    failures = table(output, "failures")
    assert [row["error"] for row in failures] == ["malformed_message"] * 6
    assert len({row["track_id"] for row in failures}) == 6
    assert len(keys(output)) == 1
    assert queue.delivered == 21


def test_only_wanted_objects_and_what_the_sweep_finds(
    gcs_server: GcsServer, queue: Subscription, songs: Path, tmp_path: Path
) -> None:
    upload_songs(gcs_server, songs, "before")  # announced to nobody
    upload_songs(gcs_server, songs, "in/wanted")
    upload_songs(gcs_server, songs, "in/other")
    wanted = ("--prefix", f"gs://{BUCKET}/in/wanted/", "--suffix", ".FLAC", "--suffix", ".ogg")
    sweep = ("--catch_up", f"gs://{BUCKET}/before")
    output = f"gs://{BUCKET}/{TABLES}"
    assert stream_until(lambda: queue.unacked == 0, *STREAM, *wanted, *sweep, "--output", output) == 0
    tagged = Counter(row["uri"].split("/", 3)[3] for row in rows(gcs_server, tmp_path / "t"))
    before = {f"before/{song.name}" for song in songs.iterdir()}
    assert tagged == Counter([*before, "in/wanted/flac.flac", "in/wanted/ogg.ogg"])


def test_what_the_sweep_found_is_not_worked_again_when_it_is_announced(
    gcs_server: GcsServer, queue: Subscription, songs: Path, output: Path
) -> None:
    upload_songs(gcs_server, songs)
    sweep = ("--catch_up", f"gs://{BUCKET}/in")
    assert stream_until(lambda: queue.unacked == 0, *STREAM, *sweep, "--output", str(output)) == 0
    assert counts(output) == (8, 4, 4, 0)
    assert errors(output) == {}
    assert len(set(keys(output))) == len(keys(output)) == 4
