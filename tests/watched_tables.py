"""A reader who looks at tables twice a second while a stream writes, and notes what nobody should see."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pyarrow.parquet as pq

from tests.servers.gcs import GcsServer
from tests.servers.s3 import S3Server

_Key = tuple[str, str]


class TableFiles(Protocol):
    """Where the tables lie, seen past the program's own reading."""

    def names(self, table: str) -> list[str]:
        """The files of a table."""

    def content(self, name: str) -> bytes:
        """The bytes of a file."""


@dataclass(frozen=True, slots=True)
class FolderFiles:
    """Tables in a folder."""

    output: Path

    def names(self, table: str) -> list[str]:
        """See :class:`TableFiles`."""
        return [str(path) for path in (self.output / table).glob("*/*.parquet")]

    def content(self, name: str) -> bytes:
        """See :class:`TableFiles`."""
        return Path(name).read_bytes()


@dataclass(frozen=True, slots=True)
class BucketFiles:
    """Tables in a bucket, below a prefix."""

    server: GcsServer | S3Server
    bucket: str
    prefix: str

    def names(self, table: str) -> list[str]:
        """See :class:`TableFiles`."""
        return self.server.names(self.bucket, f"{self.prefix}/{table}/")

    def content(self, name: str) -> bytes:
        """See :class:`TableFiles`."""
        return self.server.read(self.bucket, name)


class WatchedTables:
    """What is in the tables, and what was wrong with them at any moment.

    Attributes:
        problems: A row that stands twice, a file that was taken back, a track without its segments.
        looks: How often the tables were read.
    """

    def __init__(self, files: TableFiles) -> None:
        self._files = files
        self._known: dict[str, dict[str, list[_Key]]] = {}
        self._looking = threading.Lock()
        self.problems: list[str] = []
        self.looks = 0

    def look(self) -> set[_Key]:
        """Read what is new; return the tagged tracks."""
        with self._looking:
            tagged = self._tracks("track_tags")
            for table in ("segments", "embeddings"):
                if missing := tagged - self._tracks(table):
                    self.problems.append(f"{table} lacks {len(missing)} tagged tracks")
            self.looks += 1
        return tagged

    def _tracks(self, table: str) -> set[_Key]:
        """The tracks of a table, whose rows for each of them are in one file."""
        keys = self._keys(table)
        if doubled := len(keys) - len(set(keys)):
            self.problems.append(f"{doubled} tracks of {len(keys)} stand twice in {table}")
        return set(keys)

    def _keys(self, table: str) -> list[_Key]:
        """The tracks of all files of a table, each as often as there are files with it."""
        known = self._known.setdefault(table, {})
        names = self._files.names(table)
        for name in known.keys() - set(names):
            self.problems.append(f"{name} was taken back")
            del known[name]
        for name in names:
            if name not in known:
                content = io.BytesIO(self._files.content(name))
                rows = pq.read_table(content, columns=["track_id", "generation"], partitioning=None)
                columns = (column.to_pylist() for column in rows.columns)
                known[name] = list(dict.fromkeys(zip(*columns, strict=True)))
        return [key for name in names for key in known[name]]


@contextmanager
def watched(files: TableFiles) -> Iterator[WatchedTables]:
    """Look twice a second for as long as the context lasts."""
    tables, ended = WatchedTables(files), threading.Event()

    def watch() -> None:
        while not ended.wait(0.5):
            tables.look()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield tables
    finally:
        ended.set()
        thread.join()
