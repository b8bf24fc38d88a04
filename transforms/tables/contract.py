"""What every kind of output offers: writers of rows, and commits that make them visible at once.

How to add a table format, say Delta:

1. Make the folder ``transforms/tables/delta/``.
2. Write there an :class:`Output`: where rows wait for their commit, how a commit makes them visible all at
   once, and how a run keeps others away meanwhile.
3. Write a :class:`TableWriter` for it. It is pickled to where the graph runs: it holds names and no clients.
   Rows come as ``schemas.SCHEMAS`` declares them; rows that the store refuses are a ``RowsRefusedError``.
4. Write a function that reads the rows of a table back, in bounded pieces, with chosen columns.
5. Write ``delta/kind.py``: an :class:`OutputKind` that says which locations it takes and opens
   the above. It imports client libraries inside its methods, so that other runs do not wait for them.
6. Name it in ``kinds.KINDS``. Ingestion, the ledger of what is done, retries and ``show`` know it then.
7. Add it to the tests in ``tests/transforms/tables/test_kinds.py``, which hold every kind to this contract.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Protocol

from tonearm.errors import TonearmError, WrongCallError
from tonearm.transforms.storage.contract import Contents
from tonearm.transforms.tables.schemas import Row

if TYPE_CHECKING:
    import apache_beam as beam

    from tonearm.transforms.tables.rows import Provenance


class OutputError(WrongCallError):
    """An output cannot be used as it is; the message says what to mend."""


class OutputInUseError(WrongCallError):
    """Another run is writing to the same output."""


class StagedRowsMissingError(TonearmError):
    """Rows that were staged are gone before their commit."""


RowCounts = Mapping[str, int]
"""Numbers of rows by table."""


def require_staged(commit_id: str, staged: RowCounts, expected: RowCounts) -> None:
    """Make sure that all rows of a commit are there; a step that was tried again may have staged some twice.

    Raises:
        StagedRowsMissingError: Some are not.
    """
    for table, rows in expected.items():
        if staged.get(table, 0) < rows:
            raise StagedRowsMissingError(
                f"of {rows} rows of {table} that {commit_id} staged, {staged.get(table, 0)} are there: "
                "something has deleted the others. Nothing of them was committed; the same command works "
                "their tracks again"
            )


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


TrackKey = tuple[str, str]
"""``track_id`` and ``generation``; a run tags a track at a generation once, whichever tagger does."""

Announced = tuple[str, str, str]
"""``track_id``, ``generation`` and ``uri``: two rows of a manifest may have one id, and be failures both."""


class BehindError(TonearmError):
    """More file batches of a shard are published than whoever wants to publish the next one knows of.

    Args:
        published: How many there are.
    """

    def __init__(self, published: int) -> None:
        super().__init__(f"{published} file batches of the shard are published already")
        self.published = published


class Journal(Protocol):
    """Publishes the file batches of one shard, each track once whoever writes and how often.

    A writer that goes back in time, and one that was taken for dead, are told that they are behind. They
    catch up by leaving out the tracks that were published meanwhile.
    """

    def publish(self, rows: Mapping[str, Sequence[Row]], after: int) -> int:
        """Make the rows of a file batch visible as the next one; return bytes written.

        Args:
            rows: All rows of its tracks, by table.
            after: How many file batches the writer knows to be published.

        Raises:
            BehindError: There are others. Nothing of these rows is or becomes visible.
        """

    def outcomes_after(self, number: int) -> Iterator[tuple[Announced, str]]:
        """The tracks of all file batches that were published after the first so many.

        Each comes with the word of its failure, which is empty if it did not fail.
        """


class NoteBoard(Protocol):
    """A place beside the tables for one small note: which run holds them; pickled to where a graph runs.

    Every method raises ``StorageError`` where the store refuses or fails.
    """

    @property
    def location(self) -> str:
        """The output that the note speaks for, as people know it."""

    def read(self) -> Contents | None:
        """The note; None if there is none."""

    def write_if(self, note: bytes, seen: Contents | None) -> Contents | None:
        """Write the note on the store's own condition that it is still as it was seen; see ``Storage``."""

    def clear(self) -> None:
        """Take the note away."""


class Holdable(Protocol):
    """A place that one run at a time writes to; see :func:`tonearm.transforms.tables.holding.hold.held`."""

    def prepare(self) -> None:
        """Make what is needed there, and bring what is older up to date; changes nothing that others use.

        Raises:
            OutputError: It is missing, closed to this account or of another shape.
        """

    def boards(self) -> Sequence[NoteBoard]:
        """Where a run notes that it holds the place."""

    def guarded(self) -> AbstractContextManager[None]:
        """Lock the place where its storage has locks that fall with the process.

        That keeps away runs of earlier versions, which look for no note, and whoever takes a run for dead
        that is only suspended.

        Raises:
            OutputInUseError: Another run has the lock.
        """

    def recover(self, ended: Sequence[str]) -> None:
        """Finish what was left half done, and remove what ended runs never committed.

        Args:
            ended: Ids of runs that write here no longer.
        """


class Output(Holdable, Protocol):
    """A set of the six tables that a run writes to; pickled to where a cluster's graph runs.

    A *commit id* begins with the id of its run. What a run has staged is its own: nobody else touches it
    before the run is known to be dead.
    """

    def staging_writer(self, commit_id: str) -> TableWriter:
        """A writer for rows that no reader sees before the share is committed."""

    def backfill_writer(self, run_id: str) -> SeveralWriters:
        """Writers for a cluster's batch run, where rows that are written again replace each other.

        Readers see the rows when the run is finished.
        """

    def backfill_journal(
        self, run_id: str, shard: int, require_hold: Callable[[], None], *, waits: bool = False
    ) -> Journal | None:
        """What publishes a shard's rows of a cluster's batch run; None where rows replace each other.

        Args:
            run_id: The run.
            shard: The shard's number.
            require_hold: Raises if the run holds the output no longer: what is written then is not to become
                visible, and nothing of it to remain.
            waits: True if readers are to see the rows when the run is finished, and none of them before.
        """

    def stream_writer(self) -> SeveralWriters:
        """Writers for a cluster's stream, where rows that are written again replace each other."""

    def journal(self, line: str, shard: int) -> Journal | None:
        """What publishes a shard's rows where they would double; None where they replace each other.

        Args:
            line: Names the stream, over all of its restarts.
            shard: The shard's number.
        """

    def commit(self, commit_id: str, rows: RowCounts) -> None:
        """Make the rows of a share visible; may be repeated.

        Args:
            commit_id: The share.
            rows: How many rows of each table were staged for it.

        Raises:
            StagedRowsMissingError: Not all of them are there. Nothing has become visible.
        """

    def finish_backfill(self, run_id: str, rows: RowCounts, *, waits: bool = False) -> None:
        """Make all rows of a cluster's batch run visible; as :meth:`commit`.

        Journals stay until they are discarded under the run's id, once the run holds the output no longer.

        Args:
            run_id: The run.
            rows: How many rows of each table were written; empty if nobody knows, as of a job that failed.
            waits: What :meth:`backfill_journal` was told.
        """

    def write_run(self, row: Row) -> None:
        """Write the row of a run by itself, in place of an earlier row of the run."""

    def discard(self, commit_id: str) -> None:
        """Forget a share that was not committed, and the journals of a cluster's batch run."""


class OutputKind(Protocol):
    """One way to store the tables; see ``kinds.KINDS``."""

    @property
    def locations(self) -> str:
        """What its locations look like, for people."""

    @property
    def replaces_rows(self) -> bool:
        """True if a row that is committed again, by whatever run, replaces the one that is there."""

    @property
    def holds_spectrograms(self) -> bool:
        """True if it can hold the table ``spectrograms``, whose rows have megabytes."""

    def takes(self, location: str) -> bool:
        """True if a location is of this kind, well-formed or not."""

    def located(self, location: str) -> str:
        """The one spelling of a location that all else uses.

        Raises:
            OutputError: It is not well-formed.
        """

    def output(self, location: str) -> Output:
        """The output at a location; nothing is looked up yet."""

    def rows(
        self,
        location: str,
        table: str,
        columns: Sequence[str] | None,
        where: Mapping[str, str],
        since: date | None,
    ) -> Iterator[Row]:
        """Rows of a table; see :func:`stored_rows.table_rows`."""

    def storage_api_sink(self, location: str, provenance: Provenance) -> beam.PTransform | None:
        """A stream's sink by BigQuery's Storage Write API; None if this kind has no such thing."""
