"""Streams on a cluster, whole: Prism runs the graph, fed by announcements of a storage server or listings."""

from __future__ import annotations

import random
from pathlib import Path

import apache_beam as beam
import pytest

from tests.catalog import counts, keys, last_run, table, tonearm
from tests.cloud import BUCKET, TABLES, ended_by, tables_of
from tests.pubsub_source import SubscriptionSource
from tests.servers.bigquery import BigQueryServer
from tests.servers.credentials import PROJECT
from tests.servers.gcs import GcsServer
from tests.servers.pubsub import PubSubServer, subscription_path
from tests.streaming import make_songs, uploading
from tonearm.models.bundles.loading import cached_tagger
from tonearm.pipelines.cluster.run import ingest_on_cluster
from tonearm.pipelines.graphs import stream
from tonearm.pipelines.runs.beam_options import read_beam_options
from tonearm.pipelines.runs.order import IngestOrder
from tonearm.pipelines.runs.stream_input import StreamInput
from tonearm.transforms.elements.settings import AnalysisSettings
from tonearm.transforms.tables.bigquery.dataset import client_of
from tonearm.transforms.tables.stored_rows import table_rows

pytest_plugins = ["tests.servers.prism"]

SUBSCRIPTION = subscription_path("uploads")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The return_immediately flag")
def test_tracks_announced_three_times_in_any_order_are_one_row_each_in_both_outputs(
    prism: tuple[str, ...],
    gcs_server: GcsServer,
    pubsub_server: PubSubServer,
    bigquery_server: BigQueryServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stream, "GATHERING_SECONDS", 5.0)
    client_of.cache_clear()
    bigquery_server.create_dataset("tags")
    gcs_server.create_bucket(BUCKET)
    queue = pubsub_server.subscriptions[SUBSCRIPTION]
    pubsub_server.copies, queue.shuffle = 3, random.Random(3)
    songs = make_songs(tmp_path, 30)
    request = IngestOrder(
        input=StreamInput(subscription=SUBSCRIPTION),
        outputs=(f"bigquery://{PROJECT}.tags", f"gs://{BUCKET}/{TABLES}"),
        settings=AnalysisSettings(),
        beam=read_beam_options(prism),
    )

    def is_done() -> bool:
        return uploaded.is_set() and len(keys(tables_of(gcs_server, tmp_path / "seen"))) >= len(songs)

    with uploading(gcs_server, songs, pause_s=0.5) as uploaded, ended_by(is_done, 240) as outcome:
        messages = beam.io.Read(SubscriptionSource(SUBSCRIPTION))
        ingest_on_cluster(request, cached_tagger("musicnn"), messages)
    assert "error" not in outcome
    tables = tables_of(gcs_server, tmp_path / "tables")
    assert sorted(row["uri"] for row in table(tables, "track_tags")) == sorted(
        f"gs://{BUCKET}/in/{song.name}" for song in songs
    )
    assert len(set(keys(tables))) == len(songs)
    assert set(keys(tables, "segments")) == set(keys(tables, "embeddings")) == set(keys(tables))
    assert table(tables, "failures") == []
    streamed = [row["uri"] for row in table_rows(request.outputs[0], "track_tags")]
    assert sorted(streamed) == sorted(row["uri"] for row in table(tables, "track_tags"))
    assert counts(tables) == (len(songs), len(songs), 0, 0)
    assert last_run(tables)["mode"] == "streaming"
    assert (queue.delivered, queue.unacked) == (3 * len(songs), 0)


@pytest.mark.slow
def test_a_watched_prefix_of_a_store_gives_one_row_a_track(
    prism: tuple[str, ...], gcs_server: GcsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "GATHERING_SECONDS", 3.0)
    gcs_server.create_bucket(BUCKET)
    songs = make_songs(tmp_path, 12)
    call = ("ingest", "--watch", f"gs://{BUCKET}/in/", "--output", f"gs://{BUCKET}/{TABLES}")

    def is_done() -> bool:
        return uploaded.is_set() and len(keys(tables_of(gcs_server, tmp_path / "seen"))) >= len(songs)

    with uploading(gcs_server, songs, pause_s=0.5) as uploaded, ended_by(is_done, 240) as outcome:
        assert tonearm(*call, "--poll_seconds", "1", *prism) == 0
    assert "error" not in outcome
    tables = tables_of(gcs_server, tmp_path / "tables")
    assert len(set(keys(tables))) == len(keys(tables)) == len(songs)
    assert set(keys(tables, "segments")) == set(keys(tables, "embeddings")) == set(keys(tables))
    assert table(tables, "failures") == []
