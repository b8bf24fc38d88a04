"""What tests of the cloud paths share: buckets of songs, tables fetched from a store, streams that end."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.catalog import table, tonearm
from tests.servers.faults import FaultProxy

BUCKET = "catalog"
TABLES = "tables"


def upload_songs(server: Any, songs: Path, folder: str = "in") -> list[str]:
    """Upload every file of a folder; returns the objects' names."""
    names = [f"{folder}/{song.name}" for song in sorted(songs.iterdir())]
    for name in names:
        server.upload(BUCKET, name, songs / Path(name).name)
    return names


def tables_of(server: Any, to: Path, prefix: str = TABLES) -> Path:
    """Fetch all tables of a bucket to a local folder, past the fault proxy.

    As a reader does, it looks at the tables' folders only, in which no file is ever moved or removed. Folders
    whose names begin with ``_`` belong to runs: what one lists there may be gone before it is fetched.
    """
    shutil.rmtree(to, ignore_errors=True)
    for name in server.names(BUCKET, f"{prefix}/"):
        if name.removeprefix(f"{prefix}/").startswith("_"):
            continue
        target = to / name.removeprefix(f"{prefix}/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(server.read(BUCKET, name))
    return to


def rows(server: Any, to: Path, name: str = "track_tags") -> list[dict[str, Any]]:
    """All rows of one table of a bucket."""
    return table(tables_of(server, to), name)


def fetches(proxy: FaultProxy, name: str) -> list[str]:
    """The requests for an object's bytes."""
    encoded = name.replace("/", "%2F")
    return [
        target
        for method, target, _ in proxy.requests
        if method == "GET" and (f"/{encoded}?alt=media" in target or target.endswith(f"/{name}"))
    ]


def stream_until(done: Callable[[], bool], *arguments: str, timeout_s: float = 60.0) -> int:
    """Run a stream in this process until a condition holds, then end it by SIGTERM.

    Returns:
        The exit code.

    Raises:
        TimeoutError: The condition did not come to hold.
    """
    with ended_by(done, timeout_s) as outcome:
        code = tonearm("ingest", *arguments)
    if outcome.get("error"):
        raise outcome["error"]
    return code


@contextmanager
def ended_by(done: Callable[[], bool], timeout_s: float) -> Iterator[dict[str, BaseException]]:
    """Send this process SIGTERM once a condition holds; an ``error`` is left to the caller to raise.

    The signal waits for a run that listens to it, and goes nowhere if the run has ended by itself: it would
    end the test process, and the report would say nothing but that it is gone.
    """
    ended, outcome = threading.Event(), dict[str, BaseException]()
    deadline = time.monotonic() + timeout_s

    def idle(*_: object) -> None:
        if "error" in outcome:
            raise outcome["error"]  # a run that never came to listen would go on for ever

    before = signal.signal(signal.SIGTERM, idle)

    def watch() -> None:
        try:
            while not ended.wait(0.05) and (signal.getsignal(signal.SIGTERM) is idle or not done()):
                if time.monotonic() > deadline:
                    raise TimeoutError("what the stream was to bring about did not come about")
        except BaseException as error:
            outcome["error"] = error
        if not ended.is_set():
            os.kill(os.getpid(), signal.SIGTERM)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield outcome
    finally:
        ended.set()
        watcher.join()
        signal.signal(signal.SIGTERM, before)
