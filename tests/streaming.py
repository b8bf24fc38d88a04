"""What tests of streams share: tracks of all formats, uploads meanwhile, and what must stand in the end."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.audio_files import RECIPES
from tests.catalog import counts, keys, last_run, table, write_song
from tests.cloud import BUCKET
from tests.servers.gcs import GcsServer
from tests.servers.pubsub import subscription_path
from tests.servers.pubsub_queue import Subscription

SUBSCRIPTION = subscription_path("uploads")
STREAM = ("--subscription", SUBSCRIPTION, "--max_wave_seconds", "0.5")

_PER_RUN = {"run_id", "analyzed_at", "occurred_at", "ingest_date"}


def make_songs(folder: Path, count: int, *, from_hz: float = 100.0) -> list[Path]:
    """Short tracks, of all formats in turn."""
    kinds = [kind for kind in RECIPES if kind != "wav_8"]
    folder.mkdir(exist_ok=True)
    return [
        write_song(
            folder / f"{number:02d}.{RECIPES[kind].extension}",
            kind,
            seconds=3.2,
            from_hz=from_hz + 20 * number,
        )
        for number, kind in enumerate((kinds * 2)[:count])
    ]


def with_second_takes(songs: Sequence[Path], folder: Path, *, every: int = 5, later: int = 3) -> list[Path]:
    """An order of uploads in which every so-manieth track is overwritten soon by another recording."""
    takes = make_songs(folder, len(songs), from_hz=150.0)[::every]
    uploads = list(songs)
    for number, take in reversed(list(enumerate(takes))):
        uploads.insert(every * number + later, take)
    return uploads


@contextmanager
def uploading(server: Any, songs: Sequence[Path], *, pause_s: float = 0.02) -> Iterator[threading.Event]:
    """Upload songs from a thread while the stream runs; the event tells that all are there."""
    uploaded = threading.Event()

    def upload() -> None:
        for song in songs:
            server.upload(BUCKET, f"in/{song.name}", song)
            time.sleep(pause_s)
        uploaded.set()

    thread = threading.Thread(target=upload, daemon=True)
    thread.start()
    yield uploaded
    thread.join()


def assert_whole_stream(tables: Path, tracks: int) -> None:
    """Hold a stream's tables against the number of tracks: counts reconcile, keys are unique."""
    assert counts(tables) == (tracks, tracks, 0, 0)
    assert last_run(tables)["mode"] == "streaming"
    assert len(set(keys(tables))) == len(keys(tables)) == tracks


def assert_equal_runs(one: Path, other: Path) -> None:
    """Compare the tables of two runs over the same objects."""
    for name in ("track_tags", "segments", "embeddings"):
        assert _comparable(one, name) == _comparable(other, name)


def _comparable(tables: Path, name: str) -> list[str]:
    """Rows without what differs from run to run, sorted; scores to five digits."""

    def plain(value: Any) -> Any:
        if isinstance(value, float):
            return round(value, 5)
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items() if key not in _PER_RUN}
        return [plain(item) for item in value] if isinstance(value, list) else value

    return sorted(str(plain(row)) for row in table(tables, name))


def assert_one_row_a_generation(
    server: GcsServer,
    queue: Subscription,
    uploads: Sequence[Path],
    tagged: Iterable[dict[str, Any]],
    failed: Iterable[dict[str, Any]],
) -> None:
    """Hold rows against what was announced: one row for each, and the last recording of each track tagged."""
    announced = {
        (message.attributes["objectId"], message.attributes["objectGeneration"])
        for message in queue.acked
        if message.attributes["eventType"] == "OBJECT_FINALIZE"
    }
    assert len(announced) == len(uploads)
    tagged, failed = list(tagged), list(failed)
    assert Counter(map(_object_of, [*tagged, *failed])) == Counter(announced)
    assert {row["error"] for row in failed} <= {"changed"}
    digests = {_object_of(row): row["content_sha256"] for row in tagged}
    last = {f"in/{path.name}": path for path in uploads}
    for blob in server.client.list_blobs(BUCKET, prefix="in/"):
        expected = hashlib.sha256(last[blob.name].read_bytes()).hexdigest()
        assert digests[blob.name, str(blob.generation)] == expected


def _object_of(row: dict[str, Any]) -> tuple[str, str]:
    return row["uri"].split("/", 3)[3], row["generation"]
