"""Spectrograms through streams, a kill and a cluster: the rows are those of the audio, each once."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import apache_beam as beam
import pytest

from tests.catalog import counts, keys, start_tonearm, table, tonearm
from tests.cloud import BUCKET, TABLES, ended_by, stream_until, tables_of
from tests.pipelines.test_spectrogram_input import AS_SPECTROGRAMS, largest_differences
from tests.pubsub_source import SubscriptionSource
from tests.servers.gcs import GcsServer
from tests.servers.processes import wait_for
from tests.servers.pubsub_queue import Subscription
from tests.spectrogram_files import record_of_audio, write_mixed, write_shard
from tests.streaming import STREAM, SUBSCRIPTION, make_songs
from tonearm.models.bundles.loading import cached_tagger
from tonearm.pipelines.cluster.run import ingest_on_cluster
from tonearm.pipelines.graphs import stream
from tonearm.pipelines.runs.beam_options import read_beam_options
from tonearm.pipelines.runs.order import IngestOrder
from tonearm.pipelines.runs.stream_input import StreamInput
from tonearm.transforms.elements.input_kind import InputKind
from tonearm.transforms.elements.settings import AnalysisSettings

pytest_plugins = ["tests.servers.prism"]
pytestmark = pytest.mark.slow

TRACKS = 12
A_SCORE = 5e-3


@pytest.fixture(scope="module")
def audio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Songs, the tables of their audio, and a folder of their spectrograms in all forms."""
    folder = tmp_path_factory.mktemp("audio")
    songs = make_songs(folder / "songs", TRACKS)
    assert tonearm("ingest", folder / "songs", "--output", folder / "tables") == 0
    write_mixed(folder / "in", [record_of_audio(song) for song in songs])
    return folder


def assert_as_from_audio(output: Path, audio: Path) -> None:
    assert len(set(keys(output))) == len(keys(output)) == TRACKS
    assert max(largest_differences(output, audio / "tables").values()) < A_SCORE
    assert table(output, "failures") == []


def test_a_watched_folder(audio: Path, output: Path, tmp_path: Path) -> None:
    (folder := tmp_path / "in").mkdir()
    watch = ("--watch", str(folder), "--poll_seconds", "0.5", *AS_SPECTROGRAMS)

    def done() -> bool:
        for path in (audio / "in").iterdir():
            (folder / path.name).write_bytes(path.read_bytes()) if not (folder / path.name).exists() else None
        return len(keys(output)) == TRACKS

    assert stream_until(done, *watch, "--output", str(output), timeout_s=300) == 0
    assert_as_from_audio(output, audio)


def test_announced_by_cloud_storage_with_what_was_there_before(
    gcs_server: GcsServer, queue: Subscription, audio: Path, tmp_path: Path
) -> None:
    files = sorted((audio / "in").iterdir())
    for path in files:
        gcs_server.upload(BUCKET, f"in/{path.name}", path)
    catch_up = ("--catch_up", f"gs://{BUCKET}/in/", *AS_SPECTROGRAMS)
    done = lambda: queue.unacked == 0 and len(queue.acked) == len(files)  # noqa: E731
    output = ("--output", f"gs://{BUCKET}/{TABLES}", "--prefix", f"gs://{BUCKET}/in/")
    assert stream_until(done, *STREAM, *catch_up, *output, timeout_s=300) == 0
    assert_as_from_audio(tables_of(gcs_server, tmp_path / "tables"), audio)


def test_a_killed_run_goes_on_track_by_track(audio: Path, output: Path, tmp_path: Path) -> None:
    songs = sorted((audio / "songs").iterdir())
    write_shard(tmp_path / "in" / "all.parquet", [record_of_audio(song) for song in songs])
    options = (*AS_SPECTROGRAMS, "--wave_tracks", "2", "--direct_num_workers", "2")
    moments, kills = random.Random(4), 0
    while kills < 3 and len(keys(output)) < TRACKS - 4:
        before = len(keys(output))
        command = start_tonearm("ingest", tmp_path / "in", "--output", output, *options)
        while len(keys(output)) <= before and command.poll() is None:
            time.sleep(0.01)
        time.sleep(moments.uniform(0, 0.3))
        command.kill()
        command.communicate()
        kills += 1
    assert kills > 0
    assert tonearm("ingest", tmp_path / "in", "--output", output, *options) == 0
    assert sum(row["n_tagged"] for row in table(output, "runs")) == TRACKS
    assert_as_from_audio(output, audio)


def test_a_killed_stream_is_delivered_again_and_tags_each_track_once(
    gcs_server: GcsServer, queue: Subscription, audio: Path, tmp_path: Path
) -> None:
    write_shard(
        tmp_path / "all.parquet", [record_of_audio(song) for song in sorted((audio / "songs").iterdir())]
    )
    gcs_server.upload(BUCKET, "in/all.parquet", tmp_path / "all.parquet")
    seen = tmp_path / "seen"
    options = ("--output", f"gs://{BUCKET}/{TABLES}", "--wave_tracks", "2", "--prefix", f"gs://{BUCKET}/in/")
    command = start_tonearm("ingest", *STREAM, *AS_SPECTROGRAMS, *options)
    while not gcs_server.names(BUCKET, f"{TABLES}/track_tags/"):
        assert command.poll() is None, command.communicate()[0]
        time.sleep(0.05)
    os.kill(command.pid, signal.SIGKILL)
    command.communicate()
    assert 0 < len(gcs_server.names(BUCKET, f"{TABLES}/track_tags/")) < TRACKS
    assert queue.acked == []
    queue.give_back()
    done = lambda: queue.unacked == 0 and len(queue.acked) == 1  # noqa: E731
    assert stream_until(done, *STREAM, *AS_SPECTROGRAMS, *options, timeout_s=300) == 0
    wait_for(lambda: not gcs_server.names(BUCKET, f"{TABLES}/_staging/"))
    assert_as_from_audio(tables_of(gcs_server, seen), audio)


def test_a_backfill_on_a_cluster(prism: tuple[str, ...], audio: Path, output: Path, tmp_path: Path) -> None:
    write_shard(audio / "in" / "again.parquet", [record_of_audio(next((audio / "songs").iterdir()))])
    call = ("ingest", audio / "in", *AS_SPECTROGRAMS, "--output", output, *prism)
    assert tonearm(*call) == 0
    assert counts(output) == (TRACKS + 1, TRACKS, 1, 0)
    assert_as_from_audio(output, audio)
    assert tonearm(*call) == 0
    assert counts(output) == (TRACKS + 1, 0, TRACKS + 1, 0)
    (audio / "in" / "again.parquet").unlink()


@pytest.mark.filterwarnings("ignore:The return_immediately flag")
def test_a_stream_on_a_cluster(
    prism: tuple[str, ...],
    gcs_server: GcsServer,
    queue: Subscription,
    audio: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stream, "GATHERING_SECONDS", 5.0)
    request = IngestOrder(
        input=StreamInput(subscription=SUBSCRIPTION),
        outputs=(f"gs://{BUCKET}/{TABLES}",),
        settings=AnalysisSettings(),
        input_kind=InputKind.SPECTROGRAM,
        beam=read_beam_options(prism),
    )
    for path in sorted((audio / "in").iterdir()):
        gcs_server.upload(BUCKET, f"in/{path.name}", path)

    def is_done() -> bool:
        return len(keys(tables_of(gcs_server, tmp_path / "seen"))) >= TRACKS

    with ended_by(is_done, 240) as outcome:
        messages = beam.io.Read(SubscriptionSource(SUBSCRIPTION))
        ingest_on_cluster(request, cached_tagger("musicnn"), messages)
    assert "error" not in outcome
    assert_as_from_audio(tables_of(gcs_server, tmp_path / "tables"), audio)
