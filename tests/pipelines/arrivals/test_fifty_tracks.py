"""Fifty tracks of all formats through a stream, into Parquet on the store and into BigQuery at once."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.catalog import counts, keys, table, tonearm
from tests.cloud import BUCKET, TABLES, stream_until, tables_of
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

if TYPE_CHECKING:
    from tests.bigquery_datasets import ServedDataset

pytest_plugins = ["tests.bigquery_datasets"]
pytestmark = pytest.mark.slow

TRACKS = 50


def stream_into_both(scheme: str, target: ServedDataset, done: Callable[[], bool], *arguments: str) -> int:
    """Run a stream until a condition holds, with both kinds of output; returns the exit code."""
    outputs = ("--output", f"{scheme}://{BUCKET}/{TABLES}", "--output", target.location)
    return stream_until(done, *arguments, *outputs, timeout_s=300)


def test_announced_by_cloud_storage(
    gcs_server: GcsServer, queue: Subscription, target: ServedDataset, tmp_path: Path
) -> None:
    with uploading(gcs_server, make_songs(tmp_path / "songs", TRACKS), pause_s=0.2) as uploaded:
        done = lambda: uploaded.is_set() and queue.unacked == 0  # noqa: E731
        assert stream_into_both("gs", target, done, *STREAM) == 0
    assert len(queue.acked) == TRACKS
    assert_both_whole_and_equal_to_a_batch_run("gs", gcs_server, target, tmp_path)


def test_found_by_polling_s3(s3_server: S3Server, target: ServedDataset, tmp_path: Path) -> None:
    s3_server.create_bucket(BUCKET)
    watch = ("--watch", f"s3://{BUCKET}/in/**", "--poll_seconds", "1", "--max_wave_seconds", "0.5")
    with uploading(s3_server, make_songs(tmp_path / "songs", TRACKS), pause_s=0.2):
        done = lambda: len(target.keys()) == TRACKS  # noqa: E731
        assert stream_into_both("s3", target, done, *watch) == 0
    assert_both_whole_and_equal_to_a_batch_run("s3", s3_server, target, tmp_path)


def assert_both_whole_and_equal_to_a_batch_run(
    scheme: str, server: Any, target: ServedDataset, tmp_path: Path
) -> None:
    streamed = tables_of(server, tmp_path / "streamed")
    assert_whole_stream(streamed, TRACKS)
    target.assert_same_as(streamed)
    base, batch_target = f"{scheme}://{BUCKET}", target.another()
    outputs = ("--output", f"{base}/batch", "--output", batch_target.location)
    assert tonearm("ingest", f"{base}/in", *outputs) == 0
    batch = tables_of(server, tmp_path / "batch", prefix="batch")
    assert counts(batch) == batch_target.counts() == (TRACKS, TRACKS, 0, 0)
    batch_target.assert_same_as(batch)
    assert_equal_runs(streamed, batch)


def test_delivered_three_times_in_any_order_and_every_fifth_overwritten(
    gcs_server: GcsServer,
    queue: Subscription,
    pubsub_server: PubSubServer,
    target: ServedDataset,
    tmp_path: Path,
) -> None:
    pubsub_server.copies, queue.shuffle = 3, random.Random(3)
    uploads = with_second_takes(make_songs(tmp_path / "first", TRACKS), tmp_path / "second")
    with uploading(gcs_server, uploads, pause_s=0.2) as uploaded:
        done = lambda: uploaded.is_set() and queue.unacked == 0  # noqa: E731
        assert stream_into_both("gs", target, done, *STREAM) == 0
    assert queue.delivered >= 3 * len(uploads)
    streamed = tables_of(gcs_server, tmp_path / "streamed")
    tagged, failed = table(streamed, "track_tags"), table(streamed, "failures")
    assert_one_row_a_generation(gcs_server, queue, uploads, tagged, failed)
    target.assert_same_as(streamed)


def test_every_tenth_row_refused_by_bigquery(
    gcs_server: GcsServer, queue: Subscription, target: ServedDataset, tmp_path: Path
) -> None:
    refused = {f"{number}9" for number in range(5)}
    target.server.refusals.when = lambda row: "tags" in row and Path(row["uri"]).stem in refused
    with uploading(gcs_server, make_songs(tmp_path / "songs", TRACKS)) as uploaded:
        done = lambda: uploaded.is_set() and queue.unacked == 0  # noqa: E731
        assert stream_into_both("gs", target, done, *STREAM) == 0
    streamed = tables_of(gcs_server, tmp_path / "streamed")
    assert counts(streamed) == (TRACKS, TRACKS - len(refused), 0, len(refused))
    failures = table(streamed, "failures")
    assert {Path(row["uri"]).stem for row in failures} == refused
    assert {(row["stage"], row["error"]) for row in failures} == {("write", "row_refused")}
    assert len(failures) == len(refused)
    target.assert_same_as(streamed)
    target.server.refusals.when = None
    tables = f"gs://{BUCKET}/{TABLES}"
    assert tonearm("retry", tables, "--all") == 0
    mended = tables_of(gcs_server, tmp_path / "mended")
    assert len(keys(mended)) == len(set(keys(mended))) == TRACKS
