"""Parquet as an output: files in a folder or below a URL."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from tonearm.transforms.storage.local import delete_half_written
from tonearm.transforms.storage.objects import joined
from tonearm.transforms.storage.schemes import is_local
from tonearm.transforms.tables.contract import OutputError, RowCounts, SeveralWriters
from tonearm.transforms.tables.holding.folder_lock import folder_locked
from tonearm.transforms.tables.parquet import commit, journal
from tonearm.transforms.tables.parquet.files import ParquetWriter
from tonearm.transforms.tables.parquet.journal import JOURNALS, BatchRun, ShardJournal
from tonearm.transforms.tables.parquet.note_object import NoteObject
from tonearm.transforms.tables.schemas import FILE_SCHEMAS, PARTITION, Row


class ParquetOutput:
    """Parquet files in a folder or below a URL."""

    def __init__(self, location: str) -> None:
        self._location = location

    def prepare(self) -> None:
        """See :class:`Output`; a store makes folders by itself, and if closed refuses the first note."""
        if not is_local(self._location):
            return
        try:
            Path(self._location).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"{self._location} cannot be the folder of the tables: {error.strerror}"
            raise OutputError(message) from error
        for name in (*FILE_SCHEMAS, commit.STAGING, commit.COMMITS, JOURNALS):
            _require_folder(joined(self._location, name))
        self._delete_half_written()

    def boards(self) -> Sequence[NoteObject]:
        """See :class:`Output`."""
        return (NoteObject(self._location),)

    def guarded(self) -> AbstractContextManager[None]:
        """See :class:`Output`; it is the folder that is locked."""
        return folder_locked(self._location)

    def recover(self, ended: Sequence[str]) -> None:
        """See :class:`Output`."""
        journal.recover(self._location, ended)
        commit.recover(self._location, ended)
        self._delete_half_written()

    def staging_writer(self, commit_id: str) -> ParquetWriter:
        """See :class:`Output`."""
        return ParquetWriter(commit.staging_root(self._location, commit_id))

    def backfill_writer(self, run_id: str) -> SeveralWriters:
        """See :class:`Output`; files do not replace each other."""
        return SeveralWriters(())

    def backfill_journal(
        self, run_id: str, shard: int, require_hold: Callable[[], None], *, waits: bool = False
    ) -> ShardJournal:
        """See :class:`Output`."""
        return ShardJournal(self._location, run_id, shard, BatchRun(require_hold, waits))

    def stream_writer(self) -> SeveralWriters:
        """See :class:`Output`; files do not replace each other."""
        return SeveralWriters(())

    def journal(self, line: str, shard: int) -> ShardJournal:
        """See :class:`Output`."""
        return ShardJournal(self._location, line, shard)

    def commit(self, commit_id: str, rows: RowCounts) -> None:
        """See :class:`Output`."""
        commit.make_visible(self._location, commit_id, rows)

    def finish_backfill(self, run_id: str, rows: RowCounts, *, waits: bool = False) -> None:
        """See :class:`Output`; what waits for nothing is visible as it is written."""
        journal.bring_forward(self._location, run_id)
        if waits:
            commit.make_visible(self._location, run_id, rows)

    def write_run(self, row: Row) -> None:
        """See :class:`Output`; the run names the file."""
        ParquetWriter(self._location).write("runs", [row])

    def discard(self, commit_id: str) -> None:
        """See :class:`Output`."""
        commit.discard_staged(self._location, commit_id)
        journal.discard(self._location, commit_id)

    def _delete_half_written(self) -> None:
        """Delete what was left by killed processes: of a note, of a marker, or of a cluster's files."""
        if is_local(self._location):
            output = Path(self._location)
            partitions = (
                folder for table in FILE_SCHEMAS for folder in (output / table).glob(f"{PARTITION}=*")
            )
            for folder in (output, output / commit.COMMITS, output / JOURNALS, *partitions):
                delete_half_written(str(folder))


def _require_folder(path: str) -> None:
    """Refuse what is there in the place of a folder, and a folder that nothing can be written into."""
    if not os.path.lexists(path):
        return
    if not os.path.isdir(path):  # noqa: PTH112 - the path is text
        raise OutputError(f"{path} is no folder, as the tables need there; move it away")
    if not os.access(path, os.W_OK | os.X_OK):
        raise OutputError(f"{path} cannot be written to: this account may not")
