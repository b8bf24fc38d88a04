"""The stream against a batch run of the same tracks, and how long a track waits for its row.

``python -m benchmarks.streaming [--tracks 80] [--rounds 3] [--minutes 3]``

Tracks and tables lie on a storage server on loopback that announces uploads to a Pub/Sub server, as the tests
have them.

- *Throughput*: all tracks are announced and wait; both runs work them from nothing, in turn. The clock runs
  from the start that the run records to the last analysis: the loading of the libraries is left out of both.
  Once with waves so small that there are many of them, as in a long backlog, and once with the default
  options, which take all tracks for one wave.
- *Latency*, with the default options: one track after the other is uploaded, at a pace below the stream's
  speed, and then so rarely that each is alone. The clock runs from the start of an upload until a reader who
  lists the tables finds the row.
"""

from __future__ import annotations

import argparse
import io
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import soundfile as sf

from tests.servers import credentials, gcs, pubsub
from tests.servers.processes import applied, wait_for
from tests.servers.pubsub_queue import Subscription

BUCKET = "catalog"
TRACK_SECONDS = 30.0
RATE_HZ = 44100
MANY_WAVES = ("--wave_tracks", "16")
LONE_PAUSE_S = 15.0
STREAM = ("--subscription", pubsub.subscription_path("uploads"))


@dataclass(frozen=True, slots=True)
class Result:
    """What was measured.

    Attributes:
        batch_per_minute: Tracks a minute of the batch run with many waves, median of the rounds.
        stream_per_minute: The same of the stream.
        ratio: Median of the rounds' ratios, stream to batch.
        batch_per_minute_in_one_wave: As above, where all tracks are fewer than a wave.
        stream_per_minute_in_one_wave: The same of the stream.
        ratio_in_one_wave: Median of the rounds' ratios, stream to batch.
        processor_time_ratio: Processor time of the stream to that of the batch run, start included, which a
            busy machine disturbs least. Many waves, median of the rounds.
        processor_time_ratio_in_one_wave: The same in one wave.
        latency_p50_s: Median time from upload to visible row.
        latency_p95_s: The time that 95 of 100 tracks stay below.
        tracks_a_minute_uploaded: The pace of the uploads behind the latency.
        lone_latency_p50_s: The median for tracks that come one every ``LONE_PAUSE_S``.
        lone_latency_max_s: The longest of them.
    """

    batch_per_minute: float
    stream_per_minute: float
    ratio: float
    batch_per_minute_in_one_wave: float
    stream_per_minute_in_one_wave: float
    ratio_in_one_wave: float
    processor_time_ratio: float
    processor_time_ratio_in_one_wave: float
    latency_p50_s: float
    latency_p95_s: float
    tracks_a_minute_uploaded: float
    lone_latency_p50_s: float
    lone_latency_max_s: float


class Bench:
    """A bucket, its queue of announcements, and the command beside them."""

    def __init__(self, server: gcs.GcsServer, queue: Subscription, songs: Sequence[Path]) -> None:
        self._server = server
        self._queue = queue
        self._songs = songs
        self._announcements = list(queue.acked)
        self._runs = 0

    def batch(self, *options: str) -> float:
        """Tracks a minute of a batch run."""
        output = self._new_output()
        subprocess.run(
            _command("ingest", f"gs://{BUCKET}/in", "--output", output, *options),
            stdout=subprocess.DEVNULL,
            check=True,
        )
        return self._pace(output)

    def stream(self, *options: str) -> float:
        """Tracks a minute of a stream whose messages all wait."""
        for message in self._announcements:
            self._queue.put(message)
        output = self._new_output()
        with _running_stream(output, *options):
            wait_for(lambda: self._queue.unacked == 0, timeout_s=600, what="an empty queue")
        return self._pace(output)

    def latencies(self, minutes: float, pause_s: float) -> list[float]:
        """Seconds from the upload of each track to its row."""
        output = self._new_output()
        uploaded: dict[str, float] = {}
        seen: dict[str, float] = {}
        with _running_stream(output):
            self._upload("warm-up", uploaded)
            wait_for(lambda: self._look(output, seen) == 1, timeout_s=120, what="the stream")
            until = time.monotonic() + 60 * minutes
            while time.monotonic() < until:
                self._upload(f"{len(uploaded):04d}", uploaded)
                next_at = time.monotonic() + pause_s
                while time.monotonic() < next_at:
                    self._look(output, seen)
                    time.sleep(0.1)
            wait_for(lambda: self._look(output, seen) == len(uploaded), timeout_s=120, what="the last row")
        return [seen[name] - uploaded[name] for name in sorted(uploaded) if name != "warm-up"]

    def _upload(self, name: str, uploaded: dict[str, float]) -> None:
        song = self._songs[len(uploaded) % len(self._songs)]
        uploaded[name] = time.monotonic()
        self._server.upload(BUCKET, f"in/late/{name}", song)

    def _look(self, output: str, seen: dict[str, float]) -> int:
        """Note the rows that have become visible, and when; returns how many there are."""
        for row in self._rows(output, "track_tags", ["uri"]):
            seen.setdefault(row["uri"].rsplit("/", 1)[1], time.monotonic())
        return len(seen)

    def _pace(self, output: str) -> float:
        rows = self._rows(output, "track_tags", ["analyzed_at"])
        if len(rows) != len(self._songs):
            raise RuntimeError(f"{len(rows)} of {len(self._songs)} tracks were tagged")
        started: datetime = min(row["started"] for row in self._rows(output, "runs", ["started"]))
        ended: datetime = max(row["analyzed_at"] for row in rows)
        return len(rows) / (ended - started).total_seconds() * 60

    def _rows(self, output: str, table: str, columns: list[str]) -> list[dict[str, Any]]:
        prefix = output.removeprefix(f"gs://{BUCKET}/")
        rows: list[dict[str, Any]] = []
        for name in self._server.names(BUCKET, f"{prefix}/{table}/"):
            content = io.BytesIO(self._server.read(BUCKET, name))
            rows += pq.ParquetFile(content).read(columns).to_pylist()
        return rows

    def _new_output(self) -> str:
        self._runs += 1
        return f"gs://{BUCKET}/tables-{self._runs}"


def rows(
    *, tracks: int = 80, rounds: int = 3, minutes: float = 3.0, pause_s: float = 3.0
) -> Sequence[Result]:
    """Measure throughput and latency; one row.

    Args:
        tracks: Half-minute tracks of a run.
        rounds: Runs of each kind.
        minutes: How long to measure latency.
        pause_s: Seconds between uploads.
    """
    with tempfile.TemporaryDirectory() as folder, _bench(Path(folder), tracks) as bench:
        many, one = [], []
        for _ in range(rounds):
            many.append((_measured(bench.batch, *MANY_WAVES), _measured(bench.stream, *MANY_WAVES)))
            one.append((_measured(bench.batch), _measured(bench.stream)))
        latencies = bench.latencies(minutes, pause_s)
        lone_latencies = bench.latencies(minutes, LONE_PAUSE_S)
    result = Result(
        batch_per_minute=median(batch.per_minute for batch, _ in many),
        stream_per_minute=median(stream.per_minute for _, stream in many),
        ratio=median(stream.per_minute / batch.per_minute for batch, stream in many),
        batch_per_minute_in_one_wave=median(batch.per_minute for batch, _ in one),
        stream_per_minute_in_one_wave=median(stream.per_minute for _, stream in one),
        ratio_in_one_wave=median(stream.per_minute / batch.per_minute for batch, stream in one),
        processor_time_ratio=median(stream.processor_s / batch.processor_s for batch, stream in many),
        processor_time_ratio_in_one_wave=median(
            stream.processor_s / batch.processor_s for batch, stream in one
        ),
        latency_p50_s=median(latencies),
        latency_p95_s=quantiles(latencies, n=20)[-1],
        tracks_a_minute_uploaded=60 / pause_s,
        lone_latency_p50_s=median(lone_latencies),
        lone_latency_max_s=max(lone_latencies),
    )
    return [result]


@dataclass(frozen=True, slots=True)
class _Run:
    per_minute: float
    processor_s: float


def _measured(run: Callable[..., float], *options: str) -> _Run:
    before = _processor_seconds()
    pace = run(*options)
    return _Run(pace, _processor_seconds() - before)


def _processor_seconds() -> float:
    """Processor time of all processes that were started here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextmanager
def _bench(folder: Path, tracks: int) -> Iterator[Bench]:
    with ExitStack() as stack:
        planted = stack.enter_context(credentials.serve(folder))
        stack.enter_context(applied(planted.environ))
        messages = stack.enter_context(pubsub.serve())
        stack.enter_context(applied(messages.environ))
        queue = messages.create("uploads")
        announce = gcs.Notifications(messages, "uploads", prefix="in/")
        server = stack.enter_context(gcs.serve(folder / "gcs", notifications=announce))
        stack.enter_context(applied(server.environ))
        server.create_bucket(BUCKET)
        songs = [_write_song(folder / f"{number:03d}.mp3", number) for number in range(tracks)]
        for song in songs:
            server.upload(BUCKET, f"in/{song.name}", song)
        queue.acknowledge([received.ack_id for received in queue.take(tracks, wait_s=0)])
        yield Bench(server, queue, songs)


def _write_song(path: Path, number: int) -> Path:
    """An MP3 of half a minute: a tone of its own, in noise."""
    times = np.arange(round(TRACK_SECONDS * RATE_HZ)) / RATE_HZ
    noise = np.random.default_rng(number).normal(scale=0.05, size=times.size)
    sf.write(path, 0.4 * np.sin(2 * np.pi * (100 + 5 * number) * times) + noise, RATE_HZ, format="MP3")
    return path


@contextmanager
def _running_stream(output: str, *options: str) -> Iterator[None]:
    run = subprocess.Popen(
        _command("ingest", *STREAM, *options, "--output", output), stdout=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        run.terminate()
        if run.wait():
            raise RuntimeError("the stream failed")


def _command(*arguments: str) -> list[str]:
    return [str(Path(sys.executable).with_name("tonearm")), *arguments]


def main() -> None:
    """Measure and print the result as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.streaming", description=__doc__)
    parser.add_argument(
        "--tracks", type=int, default=80, help="half-minute tracks a run, at most 128 (default: 80)"
    )
    parser.add_argument("--rounds", type=int, default=3, help="runs of each kind (default: 3)")
    parser.add_argument("--minutes", type=float, default=3.0, help="minutes a latency (default: 3)")
    parser.add_argument("--pause", type=float, default=3.0, help="seconds between uploads (default: 3)")
    options = parser.parse_args()
    (result,) = rows(
        tracks=options.tracks, rounds=options.rounds, minutes=options.minutes, pause_s=options.pause
    )
    print(json.dumps(asdict(result), indent=2))


if __name__ == "__main__":
    main()
