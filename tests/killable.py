"""The command in processes that can be killed at any moment, and a reader that watches the tables meanwhile.

The processes are forked from one that has the libraries loaded, which saves their start each time.
"""

from __future__ import annotations

import io
import multiprocessing
import os
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tests.cloud import BUCKET, TABLES
from tonearm.models.architecture import Architecture
from tonearm.models.architectures import ARCHITECTURES

_PRELOADED = [
    "tonearm.pipelines.main",
    "tonearm.pipelines.ingest",
    "tonearm.pipelines.arrivals.pubsub",
    "tonearm.transforms.storage.gcs",
]


def start_killable(
    log: Path, environ: Mapping[str, str], *arguments: str, further: Sequence[Architecture] = ()
) -> BaseProcess:
    """Start the command, with further architectures if need be; its output is added to a log."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    process = context.Process(target=_run, args=(str(log), dict(environ), arguments, further))
    process.start()
    return process


def _run(
    log: str, environ: dict[str, str], arguments: tuple[str, ...], further: Sequence[Architecture]
) -> None:
    from tonearm.pipelines.main import run

    ARCHITECTURES.update((architecture.name, architecture) for architecture in further)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ.update(environ)
    sys.exit(run(arguments))


class Reader:
    """Lists and reads the tables again and again, as an analyst would.

    Attributes:
        problems: What it found that no reader should find.
        looks: How often it read.
    """

    def __init__(self, server: Any) -> None:
        self._server = server
        self._known: dict[str, set[tuple[str, str]]] = {}
        self._looking = threading.Lock()
        self.problems: list[str] = []
        self.looks = 0

    def look(self) -> None:
        """Read every file; each must be whole, and a tagged track must have its other rows."""
        with self._looking:
            tagged = self._keys("track_tags")
            for table in ("segments", "embeddings"):
                if missing := tagged - self._keys(table):
                    self.problems.append(f"{table} lacks {len(missing)} tagged tracks")
            self._keys("runs")
        self.looks += 1

    def _keys(self, table: str) -> set[tuple[str, str]]:
        found: set[tuple[str, str]] = set()
        for name in self._server.names(BUCKET, f"{TABLES}/{table}/"):
            if name not in self._known or table == "runs":
                self._known[name] = self._read(name)
            found |= self._known[name]
        return found

    def _read(self, name: str) -> set[tuple[str, str]]:
        try:
            rows = pq.ParquetFile(io.BytesIO(self._server.read(BUCKET, name))).read().to_pylist()
        except Exception as error:
            self.problems.append(f"{name}: {type(error).__name__}: {error}")
            return set()
        return {(row.get("track_id", ""), row.get("generation", "")) for row in rows}

    @contextmanager
    def looking_away(self) -> Iterator[None]:
        """Let the tables be deleted, to begin anew."""
        with self._looking:
            yield
            self._known.clear()


@contextmanager
def reading(server: Any, *, every_s: float = 0.3) -> Iterator[Reader]:
    """Read the tables in a thread for as long as the context lasts."""
    reader, ended = Reader(server), threading.Event()

    def read() -> None:
        while not ended.wait(every_s):
            reader.look()

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    try:
        yield reader
    finally:
        ended.set()
        thread.join()
