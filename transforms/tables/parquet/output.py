"""Parquet as an output: files in a folder or below a URL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tonearm.transforms.tables.parquet import commit
from tonearm.transforms.tables.parquet.files import ParquetWriter


class ParquetOutput:
    """Parquet files in a folder or below a URL."""

    def __init__(self, location: str) -> None:
        self._location = location

    @contextmanager
    def held(self) -> Iterator[None]:
        """See :class:`Output`."""
        with commit.exclusive_output(self._location):
            commit.recover(self._location)
            try:
                yield
            finally:
                commit.recover(self._location)

    def staging_writer(self, commit_id: str) -> ParquetWriter:
        """See :class:`Output`."""
        return ParquetWriter(commit.staging_root(self._location, commit_id))

    def backfill_writer(self, run: str) -> ParquetWriter:
        """See :class:`Output`; a retried bundle writes the same file again, so nothing has to wait."""
        return ParquetWriter(self._location)

    def stream_writer(self) -> ParquetWriter:
        """See :class:`Output`."""
        return ParquetWriter(self._location)

    def commit(self, commit_id: str) -> None:
        """See :class:`Output`."""
        commit.make_visible(self._location, commit_id)

    def discard(self, commit_id: str) -> None:
        """See :class:`Output`."""
        commit.discard_staged(self._location, commit_id)
