"""Streams: what is announced or found while they run is in the tables, once, before it is acknowledged."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from tests.catalog import counts, errors, keys, table, tonearm
from tests.cloud import BUCKET, TABLES, rows, stream_until, tables_of, upload_songs
from tests.servers.gcs import GcsServer
from tests.servers.pubsub import PubSubServer
from tests.servers.pubsub_queue import Subscription
from tests.servers.s3 import S3Server
from tests.streaming import (
    STREAM,
    assert_equal_runs,
    assert_one_row_a_generation,
    assert_whole_stream,
    make_songs,
    uploading,
    with_second_takes,
)
from tonearm.transforms.storage import gcs


def test_tracks_uploaded_meanwhile_give_the_tables_of_a_batch_run(
    gcs_server: GcsServer, queue: Subscription, tmp_path: Path
) -> None:
    songs = make_songs(tmp_path / "songs", 12)
    output = f"gs://{BUCKET}/{TABLES}"
    with uploading(gcs_server, songs) as uploaded:
        assert (
            stream_until(lambda: uploaded.is_set() and queue.unacked == 0, *STREAM, "--output", output) == 0
        )
    streamed = tables_of(gcs_server, tmp_path / "streamed")
    assert_whole_stream(streamed, len(songs))
    assert tonearm("ingest", f"gs://{BUCKET}/in", "--output", tmp_path / "batch") == 0
    assert_equal_runs(streamed, tmp_path / "batch")


def test_a_watched_prefix_on_s3(s3_server: S3Server, songs: Path, tmp_path: Path) -> None:
    s3_server.create_bucket(BUCKET)
    output = tmp_path / "tables"
    watch = ("--watch", f"s3://{BUCKET}/in/**", "--poll_seconds", "0.3", "--max_wave_seconds", "0.5")
    with uploading(s3_server, sorted(songs.iterdir()), pause_s=0.4):
        assert stream_until(lambda: len(table(output, "track_tags")) == 4, *watch, "--output", output) == 0
    assert counts(output) == (4, 4, 0, 0)
    assert len(set(keys(output))) == 4


def test_three_deliveries_in_any_order_and_objects_overwritten_meanwhile(
    gcs_server: GcsServer, queue: Subscription, pubsub_server: PubSubServer, output: Path, tmp_path: Path
) -> None:
    pubsub_server.copies, queue.shuffle = 3, random.Random(3)
    uploads = with_second_takes(make_songs(tmp_path / "first", 15), tmp_path / "second")
    with uploading(gcs_server, uploads) as uploaded:
        assert (
            stream_until(lambda: uploaded.is_set() and queue.unacked == 0, *STREAM, "--output", str(output))
            == 0
        )
    assert queue.delivered >= 3 * len(uploads)
    assert_one_row_a_generation(
        gcs_server, queue, uploads, table(output, "track_tags"), table(output, "failures")
    )


def test_a_stop_drains_what_is_in_flight_and_gives_back_the_rest(
    gcs_server: GcsServer, queue: Subscription, tmp_path: Path
) -> None:
    songs = make_songs(tmp_path / "songs", 20)
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
    gcs_server: GcsServer, queue: Subscription, songs: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue.proto.ack_deadline_seconds = 1
    monkeypatch.setattr(gcs, "_TIMEOUT", (1.0, 3.0))
    gcs_server.faults.hang(path="*alt=media*", times=1)
    upload_songs(gcs_server, songs)
    assert stream_until(lambda: queue.unacked == 0, *STREAM, "--output", str(output)) == 0
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
