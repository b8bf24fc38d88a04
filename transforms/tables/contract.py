"""What every kind of output offers: writers of rows, and commits that make them visible at once."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from tonearm.errors import WrongCallError
from tonearm.transforms.tables.schemas import Row

BIGQUERY = "bigquery://"


class OutputError(WrongCallError):
    """An output cannot be used as it is; the message says what to mend."""


class OutputInUseError(WrongCallError):
    """Another run is writing to the same output."""


class TableWriter(Protocol):
    """Writes rows; pickled to where the graph runs."""

    def write(self, table: str, rows: Sequence[Row]) -> int:
        """Write rows of a table so that the same rows written again do not double; return bytes written.

        Raises:
            RowsRefusedError: Some rows were refused; the others are written.
        """


@dataclass(frozen=True, slots=True)
class SeveralWriters:
    """Writers that receive the same rows.

    Attributes:
        writers: In the order in which they are asked: one that may refuse rows before one that never does.
    """

    writers: tuple[TableWriter, ...]

    def write(self, table: str, rows: Sequence[Row]) -> int:
        """See :class:`TableWriter`."""
        return sum(writer.write(table, rows) for writer in self.writers)


class Output(Protocol):
    """A set of the five tables that a run writes to; pickled to where a cluster's graph runs."""

    def held(self) -> AbstractContextManager[None]:
        """Hold the output for one run: recover what a killed run left half done, keep others away.

        Raises:
            OutputInUseError: Another run is writing there.
            OutputError: It cannot be written to.
        """

    def staging_writer(self, commit_id: str) -> TableWriter:
        """A writer for rows that no reader sees before the share is committed."""

    def backfill_writer(self, run: str) -> TableWriter:
        """A writer for a cluster's batch run; readers see its rows when it is committed, if not before."""

    def stream_writer(self) -> TableWriter:
        """A writer for a cluster's stream, whose rows readers see at once."""

    def commit(self, commit_id: str) -> None:
        """Make the rows of a share or backfill visible; may be repeated."""

    def discard(self, commit_id: str) -> None:
        """Forget a share that was not committed."""
