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
    named = f"gs://{BUCKET}/in/a.flac"
    assert {row["error"] for row in failures} == {"malformed_message"}
    assert sorted(row["uri"] for row in failures) == ["", "", named]  # one an object
    assert len(keys(output)) == 1
    assert queue.delivered == 21


def test_what_a_malformed_message_names_is_for_retry(
    gcs_server: GcsServer, queue: Subscription, pubsub_server: PubSubServer, songs: Path, output: Path
) -> None:
    gcs_server.upload(BUCKET, "unannounced.flac", songs / "flac.flac")
    names = {"bucketId": BUCKET, "objectId": "unannounced.flac"}
    pubsub_server.publish("uploads", b"no JSON", eventType="OBJECT_FINALIZE", **names)
    assert stream_until(lambda: queue.unacked == 0, *STREAM, "--output", str(output)) == 0
    assert errors(output) == {"unannounced.flac": "malformed_message"}
    assert tonearm("retry", output) == 0
    assert [row["uri"] for row in table(output, "track_tags")] == [f"gs://{BUCKET}/unannounced.flac"]


def test_messages_without_a_payload_and_names_that_bite(
    gcs_server: GcsServer, queue: Subscription, pubsub_server: PubSubServer, songs: Path, output: Path
) -> None:
    names = ["a b.flac", "100% #1.flac", "a%20b.flac", "ü ☃.flac", "a+b&c=d.flac"]
    for name in names:
        generation = gcs_server.upload(BUCKET, name, songs / "flac.flac")
        attributes = {"bucketId": BUCKET, "objectId": name, "objectGeneration": str(generation)}
        pubsub_server.publish("uploads", b"", eventType="OBJECT_FINALIZE", payloadFormat="NONE", **attributes)
    assert stream_until(lambda: queue.unacked == 0, *STREAM, "--output", str(output)) == 0
    tagged = table(output, "track_tags")
    assert sorted(row["uri"] for row in tagged) == sorted(f"gs://{BUCKET}/{name}" for name in names)
    assert table(output, "failures") == []


def test_an_object_of_unknown_size_that_is_overwritten_or_too_large_fails(
    gcs_server: GcsServer, queue: Subscription, pubsub_server: PubSubServer, songs: Path, output: Path
) -> None:
    overwritten = gcs_server.upload(BUCKET, "changed.flac", songs / "flac.flac")
    gcs_server.upload(BUCKET, "changed.flac", songs / "ogg.ogg")
    large = gcs_server.upload(BUCKET, "large.flac", bytes(1_000_000))
    for name, generation in (("changed.flac", overwritten), ("large.flac", large)):
        attributes = {"bucketId": BUCKET, "objectId": name, "objectGeneration": str(generation)}
        pubsub_server.publish("uploads", b"", eventType="OBJECT_FINALIZE", **attributes)
    small = ("--max_track_bytes", "900000", "--output", str(output))
    assert stream_until(lambda: queue.unacked == 0, *STREAM, *small) == 0
    assert errors(output) == {"changed.flac": "changed", "large.flac": "too_large"}


@pytest.mark.parametrize(
    "options",
    [
        ("--prefix", "in/"),
        ("--prefix", f"gs://{BUCKET}/in/**"),
        ("--suffix", "*.flac"),
        ("--prefix", f"gs://{BUCKET}/in/", "--catch_up", f"gs://{BUCKET}/before/"),
    ],
)
def test_a_filter_that_lets_nothing_through_is_refused_and_acknowledges_nothing(
    options: tuple[str, ...],
    gcs_server: GcsServer,
    queue: Subscription,
    songs: Path,
    output: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    upload_songs(gcs_server, songs)
    assert tonearm("ingest", *STREAM, *options, "--output", output) == 2
    told = capsys.readouterr().err
    assert told.startswith("tonearm: --")
    assert told.count("\n") == 1
    assert (queue.delivered, queue.acked) == (0, [])


@pytest.mark.parametrize(
    "options",
    [
        ("music", "--prefix", "gs://b/in/"),
        ("music", "--suffix", ".flac"),
        ("music", "--catch_up", "music"),
        ("--watch", "music", "--prefix", "gs://b/in/"),
        ("--watch", "music", "--catch_up", "music"),
    ],
)
def test_options_of_another_kind_of_input_are_refused(options: tuple[str, ...], output: Path) -> None:
    assert tonearm("ingest", *options, "--output", output) == 2


def test_tables_that_lie_among_the_tracks_are_no_news(
    gcs_server: GcsServer,
    queue: Subscription,
    songs: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    upload_songs(gcs_server, songs)
    output = f"gs://{BUCKET}/in/tables"
    written = ("in/tables/runs", "in/tables/track_tags")
    done = lambda: queue.unacked == 0 and all(gcs_server.names(BUCKET, name) for name in written)  # noqa: E731
    assert stream_until(done, *STREAM, "--output", output) == 0
    told = capsys.readouterr().out
    assert "tagged 4 " in told
    assert "skipped, file of the tables" in told
    assert "not audio" not in told


def test_parts_of_composite_uploads_are_no_tracks(
    gcs_server: GcsServer, queue: Subscription, songs: Path, output: Path
) -> None:
    song = (songs / "flac.flac").read_bytes()
    parts = "in/gcloud/tmp/parallel_composite_uploads/see_gcloud_storage_cp_help_for_details"
    for number, begin in enumerate(range(0, len(song), 100_000)):
        gcs_server.upload(BUCKET, f"{parts}/a_{number}", song[begin : begin + 100_000])
    gcs_server.delete(BUCKET, f"{parts}/a_0")
    gcs_server.upload(BUCKET, "in/whole.flac", song)
    assert stream_until(lambda: queue.unacked == 0, *STREAM, "--output", str(output)) == 0
    assert [row["uri"] for row in table(output, "track_tags")] == [f"gs://{BUCKET}/in/whole.flac"]
    assert table(output, "failures") == []
    seen, tagged, skipped, failed = counts(output)
    assert (seen, tagged, failed) == (skipped + 1, 1, 0)
    batch = output.with_name("batch")
    assert tonearm("ingest", f"gs://{BUCKET}/in", "--output", batch) == 0
    assert counts(batch) == (skipped, 1, skipped - 1, 0)


def test_only_wanted_objects_and_what_the_sweep_finds(
    gcs_server: GcsServer,
    queue: Subscription,
    songs: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    upload_songs(gcs_server, songs, "before")  # announced to nobody
    upload_songs(gcs_server, songs, "in/wanted")
    upload_songs(gcs_server, songs, "in/other")
    wanted = ("--prefix", f"gs://{BUCKET}/in/wanted/", "--prefix", f"gs://{BUCKET}/before/")
    wanted += ("--suffix", ".FLAC", "--suffix", ".ogg")
    sweep = ("--catch_up", f"gs://{BUCKET}/before")
    output = f"gs://{BUCKET}/{TABLES}"

    def is_done() -> bool:  # the sweep may come behind the last message
        return queue.unacked == 0 and len(rows(gcs_server, tmp_path / "t")) == 4

    assert stream_until(is_done, *STREAM, *wanted, *sweep, "--output", output) == 0
    tagged = Counter(row["uri"].split("/", 3)[3] for row in rows(gcs_server, tmp_path / "t"))
    names = ("flac.flac", "ogg.ogg")
    assert tagged == Counter(f"{folder}/{name}" for folder in ("before", "in/wanted") for name in names)
    assert counts(tables_of(gcs_server, tmp_path / "t")) == (12, 4, 8, 0)
    assert "skipped, left out by --prefix or --suffix: 8" in capsys.readouterr().out


def test_what_the_sweep_found_is_not_worked_again_when_it_is_announced(
    gcs_server: GcsServer, queue: Subscription, songs: Path, output: Path
) -> None:
    upload_songs(gcs_server, songs)
    sweep = ("--catch_up", f"gs://{BUCKET}/in")
    assert stream_until(lambda: queue.unacked == 0, *STREAM, *sweep, "--output", str(output)) == 0
    assert counts(output) == (8, 4, 4, 0)
    assert errors(output) == {}
    assert len(set(keys(output))) == len(keys(output)) == 4
