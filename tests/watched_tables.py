"""A reader who looks at tables twice a second while a stream writes, and notes what nobody should see."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet as pq

_Key = tuple[str, str]


class WatchedTables:
    """What is in the tables, and what was wrong with them at any moment.

    Attributes:
        problems: A row that stands twice, a file that was taken back, a track without its segments.
        looks: How often the tables were read.
    """

    def __init__(self, output: Path) -> None:
        self._output = output
        self._known: dict[str, list[_Key]] = {}
        self._looking = threading.Lock()
        self.problems: list[str] = []
        self.looks = 0

    def look(self) -> set[_Key]:
        """Read what is new; return the tagged tracks."""
        with self._looking:
            tagged = self._keys("track_tags")
            if doubled := len(tagged) - len(set(tagged)):
                self.problems.append(f"{doubled} rows of {len(tagged)} stand twice")
            for table in ("segments", "embeddings"):
                if missing := set(tagged) - set(self._keys(table)):
                    self.problems.append(f"{table} lacks {len(missing)} tagged tracks")
            self.looks += 1
        return set(tagged)

    def _keys(self, table: str) -> list[_Key]:
        files = {str(path): path for path in (self._output / table).glob("*/*.parquet")}
        for name in [name for name in self._known if f"/{table}/" in name and name not in files]:
            self.problems.append(f"{name} was taken back")
            del self._known[name]
        for name, path in files.items():
            if name not in self._known:
                rows = pq.read_table(path, columns=["track_id", "generation"], partitioning=None)
                self._known[name] = list(zip(*(column.to_pylist() for column in rows.columns), strict=True))
        return [key for name in files for key in self._known[name]]


@contextmanager
def watched(output: Path) -> Iterator[WatchedTables]:
    """Look twice a second for as long as the context lasts."""
    tables, ended = WatchedTables(output), threading.Event()

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
