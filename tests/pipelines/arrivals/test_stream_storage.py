"""What the storage may do to a stream: hang, vanish, refuse. Rows come in time, and a stop is heeded."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.catalog import counts, errors, keys, table, tonearm, write_song
from tests.cloud import BUCKET, stream_until, upload_songs
from tests.servers.gcs import GcsServer
from tests.servers.pubsub_queue import Subscription
from tests.servers.s3 import S3Server
from tests.streaming import STREAM
from tonearm.pipelines.arrivals import listing_memory

LISTING = "*/o?*prefix=*"
IN = f"gs://{BUCKET}/in"
WATCH = ("--watch", IN, "--poll_seconds", "1", "--max_wave_seconds", "0.5")
SOON_S = 30.0
"""Less than the minute after which a connection that hangs is given up, and longer than any test needs."""


@pytest.fixture
def store(gcs_server: GcsServer, songs: Path) -> GcsServer:
    """A bucket with four tracks."""
    gcs_server.create_bucket(BUCKET)
    upload_songs(gcs_server, songs)
    return gcs_server


def downloading(store: GcsServer) -> bool:
    """True once a track is read: then a listing has come through, and not only the check at the start."""
    return any("alt=media" in target for _, target, _ in store.faults.requests)


def test_a_listing_that_hangs_holds_up_neither_rows_nor_a_stop(store: GcsServer, output: Path) -> None:
    def is_tagged_while_a_listing_hangs() -> bool:
        if downloading(store) and not hanging:
            store.faults.hang(path=LISTING)
            hanging.append(time.monotonic())
        return len(table(output, "track_tags")) == 4

    hanging: list[float] = []
    assert stream_until(is_tagged_while_a_listing_hangs, *WATCH, "--output", str(output)) == 0
    assert time.monotonic() - hanging[0] < SOON_S
    assert counts(output) == (4, 4, 0, 0)


def test_a_stop_is_heeded_while_the_first_listing_hangs(store: GcsServer, output: Path) -> None:
    store.faults.hang(path=LISTING)
    begun = time.monotonic()
    code = stream_until(lambda: store.faults.held > 0, *WATCH, "--output", str(output))
    assert code in (0, 143)  # 143: the stop came before the stream was ready to take tracks
    assert time.monotonic() - begun < SOON_S


def test_messages_are_worked_while_the_sweep_hangs(
    store: GcsServer, queue: Subscription, output: Path
) -> None:
    store.faults.hang(path=LISTING)
    begun = time.monotonic()
    sweep = ("--catch_up", IN, "--output", str(output))
    assert stream_until(lambda: queue.unacked == 0, *STREAM, *sweep) == 0
    assert time.monotonic() - begun < SOON_S
    assert counts(output) == (4, 4, 0, 0)


@pytest.fixture
def queue(store: GcsServer) -> Subscription:
    """The announcements of the four tracks."""
    assert store.notifications
    (queue,) = store.notifications.pubsub.subscriptions.values()
    return queue


@pytest.mark.parametrize("scheme", ["gs", "s3", "file"])
@pytest.mark.parametrize("option", ["--watch", "--catch_up"])
@pytest.mark.usefixtures("google_credentials", "pubsub_server")
def test_an_input_that_is_not_there_is_a_wrong_call(
    option: str,
    scheme: str,
    tmp_path: Path,
    output: Path,
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if scheme != "file":
        request.getfixturevalue("gcs_server" if scheme == "gs" else "s3_server")
    location = str(tmp_path / "nowhere") if scheme == "file" else f"{scheme}://nowhere-at-all/in"
    stream = STREAM if option == "--catch_up" else ()
    assert tonearm("ingest", *stream, option, location, "--output", output) == 2
    told = capsys.readouterr().err.splitlines()
    assert [line for line in told if line.startswith("tonearm:") and "nowhere" in line]
    assert table(output, "track_tags") == []


def test_a_prefix_that_holds_nothing_yet_is_waited_for(
    s3_server: S3Server, songs: Path, output: Path
) -> None:
    s3_server.create_bucket(BUCKET)
    watch = ("--watch", f"s3://{BUCKET}/in/", "--poll_seconds", "0.2", "--max_wave_seconds", "0.5")

    def is_tagged() -> bool:
        if not uploaded and s3_server.faults.requests:
            uploaded.extend(upload_songs(s3_server, songs))
        return len(table(output, "track_tags")) == 4

    uploaded: list[str] = []
    assert stream_until(is_tagged, *watch, "--output", str(output)) == 0


def test_a_suffix_holds_for_watch_too(songs: Path, output: Path) -> None:
    watch = ("--watch", str(songs), "--poll_seconds", "0.1", "--suffix", ".OGG", "--max_wave_seconds", "0.5")
    done = lambda: len(table(output, "track_tags")) == 1  # noqa: E731
    assert stream_until(done, *watch, "--output", str(output)) == 0
    assert counts(output) == (4, 1, 3, 0)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try what failed again soon."""
    monkeypatch.setattr(listing_memory, "FIRST_RETRY_SECONDS", 0.5)
    monkeypatch.setattr(listing_memory, "LAST_RETRY_SECONDS", 0.5)


def refuse(store: GcsServer, *, times: int) -> None:
    store.faults.fail(status=403, path="*flac.flac*alt=media*", times=times)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("times", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_a_watched_object_that_was_forbidden_is_tried_again(
    times: int, store: GcsServer, output: Path, caplog: pytest.LogCaptureFixture
) -> None:
    refuse(store, times=times)
    done = lambda: len(table(output, "track_tags")) == 4  # noqa: E731
    assert stream_until(done, *WATCH, "--output", str(output)) == 0
    assert errors(output) == {"flac.flac": "forbidden"}
    assert len(table(output, "failures")) == 1
    assert counts(output) == (4 + times, 4, 0, times)
    assert caplog.text.count("(forbidden)") == 1


def test_an_announced_object_that_was_forbidden_is_for_retry_and_told_loudly(
    store: GcsServer, queue: Subscription, output: Path, caplog: pytest.LogCaptureFixture
) -> None:
    refuse(store, times=1)
    assert stream_until(lambda: queue.unacked == 0, *STREAM, "--output", str(output)) == 0
    assert errors(output) == {"flac.flac": "forbidden"}
    assert caplog.text.count("tonearm retry") == 1
    assert tonearm("retry", output) == 0
    assert len(keys(output)) == 4


def test_a_folder_that_vanishes_does_not_end_a_stream(
    tmp_path: Path, output: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    music = tmp_path / "music"
    music.mkdir()
    write_song(music / "a.flac")
    watch = ("--watch", str(music), "--poll_seconds", "0.1", "--max_wave_seconds", "0.5")

    def is_done() -> bool:
        tagged = len(table(output, "track_tags"))
        if tagged == 1 and music.exists() and not caplog.records:
            music.rename(tmp_path / "away")
        elif "no such file or folder" in caplog.text and not music.exists():
            write_song(tmp_path / "away" / "b.flac", from_hz=300)
            (tmp_path / "away").rename(music)
        return tagged == 2

    assert stream_until(is_done, *watch, "--output", str(output)) == 0
    assert counts(output) == (2, 2, 0, 0)
