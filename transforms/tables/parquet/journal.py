"""The journal of a shard: which of its file batches are published, whoever writes them and however often.

On a cluster the same worker may write twice: a job that goes back to a checkpoint, or to its beginning, works
again what came after it, gathered otherwise, and a worker that was taken for dead may wake up. So each shard
has a journal, a small object that nobody changes but on the store's own condition that it is still as it was
read. A file batch is published in three steps:

1. its files are written below ``_staging``, where no reader looks;
2. the journal counts one batch more, and names the staged files. Who finds it changed has lost, takes its
   files away, and looks again at what is published;
3. the files are moved into the tables, by this writer or by the next one to read the journal.

Files are numbered by the journal, and once they are in the tables they are neither replaced nor removed.

Journals of streams lie below ``_journals``, for good. Those of a batch run lie below ``_staging``, in a
folder of the run, until it has ended. Between the steps 1 and 2 such a run has to hold its output; and as its
journals are there before that, and go once it holds the output no longer, a worker that sleeps between these
steps while its run ends publishes nothing when it wakes up.
"""

from __future__ import annotations

import json
import re
import secrets
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any

from tonearm.transforms.storage.contract import Contents
from tonearm.transforms.storage.objects import (
    delete,
    delete_folder,
    files_below,
    joined,
    read_object,
    write_if_absent,
    write_if_unchanged,
    write_object,
)
from tonearm.transforms.tables.contract import Announced, BehindError, OutputError
from tonearm.transforms.tables.holding.hold import HoldLostError
from tonearm.transforms.tables.parquet.commit import (
    BEGUN,
    STAGING,
    has_ended,
    move_into_tables,
    staging_root,
)
from tonearm.transforms.tables.parquet.files import (
    parquet_bytes,
    partition_folder,
    read_batches_of,
    table_files,
)
from tonearm.transforms.tables.schemas import PARTITION, Row

JOURNALS = "_journals"

_OF_RUN = "-journals"
"""How the name of a folder below ``_staging`` ends that holds what a batch run's journals need."""

_KEY = ("track_id", "generation", "uri")

_NUMBERED = re.compile(r"part-(?P<line>.+)-(?P<shard>\d{3})-(?P<number>\d{8})(-[0-9a-f]{16})?-\d+\.parquet")
"""Names of published files; those of earlier versions have no token."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """What a journal says; the newest file batch is moved into the tables by whoever reads it.

    Attributes:
        published: How many file batches are published.
        commit_id: As whose commit the files of the newest one were staged.
        files: Their names, relative to the tables.
        waits_as: As whose commit they wait once they are published; of none if readers are to see them.
    """

    published: int = 0
    commit_id: str = ""
    files: tuple[str, ...] = ()
    waits_as: str = ""

    def content(self) -> bytes:
        """What stands in the journal."""
        return json.dumps(asdict(self)).encode()


@dataclass(frozen=True, slots=True)
class BatchRun:
    """What is different in the journals of a batch run.

    Attributes:
        require_hold: Raises if the run holds the output no longer.
        waits: True if what is published waits for the run's commit.
    """

    require_hold: Callable[[], None]
    waits: bool


@dataclass(frozen=True, slots=True)
class ShardJournal:
    """See :class:`Journal`.

    Attributes:
        output: Where the tables are.
        line: Names the stream, over all of its restarts, or the batch run.
        shard: The shard's number.
        batch_run: None of a stream.
    """

    output: str
    line: str
    shard: int
    batch_run: BatchRun | None = None

    def publish(self, rows: Mapping[str, Sequence[Row]], after: int) -> int:
        """See :class:`Journal`."""
        entry, seen = self._opened()
        if entry.published > after:
            raise BehindError(entry.published)
        token = secrets.token_hex(8)
        commit_id = self._commit_id(token)
        files, written = self._stage(commit_id, f"{after + 1:08d}-{token}", rows)
        self._require_hold(commit_id, entry)
        entry = _Entry(after + 1, commit_id, tuple(files), self._waits_as)
        if write_if_unchanged(self._location, entry.content(), seen) is None:
            delete_folder(staging_root(self.output, commit_id))
            raise BehindError(self._opened()[0].published)
        _move(self.output, entry)
        return written

    def outcomes_after(self, number: int) -> Iterator[tuple[Announced, str]]:
        """See :class:`Journal`."""
        for key in self._rows_after(number, "track_tags", _KEY):
            yield key, ""
        for track_id, generation, uri, word in self._rows_after(number, "failures", (*_KEY, "error")):
            yield (track_id, generation, uri), word

    def _rows_after(self, number: int, table: str, columns: Sequence[str]) -> Iterator[Any]:
        """Chosen columns of the files of later file batches."""
        tables = staging_root(self.output, self._waits_as) if self._waits_as else self.output
        for location in table_files(tables, table):
            if self._number_of(location) > number:
                for batch in read_batches_of(location, table, list(columns)):
                    yield from zip(*(batch.column(name).to_pylist() for name in columns), strict=True)

    @property
    def _location(self) -> str:
        if self.batch_run:
            return joined(_journals_of(self.output, self.line), f"{self.shard:03d}.json")
        return joined(self.output, JOURNALS, f"{self.line}-{self.shard:03d}.json")

    @property
    def _waits_as(self) -> str:
        return self.line if self.batch_run and self.batch_run.waits else ""

    def _commit_id(self, token: str) -> str:
        if self.batch_run:
            return f"{self.line}{_OF_RUN}/{token}"
        return f"{datetime.now(UTC):{BEGUN}}-{token}"

    def _opened(self) -> tuple[_Entry, Contents]:
        """What the journal says, once what it says is so; begins it if it is not there."""
        while (seen := read_object(self._location)) is None:
            write_if_absent(self._location, _Entry().content())
        return _brought_forward(self.output, self._location, seen.content), seen

    def _require_hold(self, commit_id: str, entry: _Entry) -> None:
        """Make sure that a batch run still holds the output; if not, take away what was staged."""
        try:
            if self.batch_run:
                self.batch_run.require_hold()
        except Exception as error:
            delete_folder(staging_root(self.output, commit_id))
            if isinstance(error, HoldLostError) and not entry.published:
                delete([self._location])
            raise

    def _stage(self, commit_id: str, number: str, rows: Mapping[str, Sequence[Row]]) -> tuple[list[str], int]:
        """Write the files of a file batch where no reader looks; return their names and bytes."""
        files, written = [], 0
        for table, of_table in rows.items():
            partitions: defaultdict[date, list[Row]] = defaultdict(list)
            for row in of_table:
                partitions[row[PARTITION]].append(row)
            for day, of_day in partitions.items():
                file = f"part-{self.line}-{self.shard:03d}-{number}-{len(of_day)}.parquet"
                name = f"{partition_folder(table, day)}/{file}"
                content = parquet_bytes(table, of_day)
                write_object(joined(staging_root(self.output, commit_id), name), content)
                files.append(name)
                written += content.size
        return files, written

    def _number_of(self, location: str) -> int:
        """Which of this shard's file batches a file is of; -1 for a file of somebody else."""
        found = _NUMBERED.fullmatch(location.rsplit("/", 1)[-1])
        if found and (found["line"], int(found["shard"])) == (self.line, self.shard):
            return int(found["number"])
        return -1


def bring_forward(output: str, run_id: str) -> None:
    """Do what the journals of a batch run say."""
    for location in files_below(_journals_of(output, run_id), ".json"):
        _do(output, location)


def recover(output: str, ended: Collection[str]) -> None:
    """Do what the journals of batch runs say that have ended.

    Raises:
        OutputError: A journal cannot be read.
    """
    for location in files_below(joined(output, STAGING), ".json"):
        if has_ended(location.rsplit("/", 2)[1], ended):
            _do(output, location)


def discard(output: str, run_id: str) -> None:
    """Remove the journals of a batch run that holds the output no longer."""
    delete_folder(_journals_of(output, run_id))


def _journals_of(output: str, run_id: str) -> str:
    return joined(output, STAGING, f"{run_id}{_OF_RUN}")


def _do(output: str, location: str) -> None:
    """Do what a journal says, unless it is gone meanwhile."""
    if seen := read_object(location):
        _brought_forward(output, location, seen.content)


def _brought_forward(output: str, location: str, content: bytes) -> _Entry:
    """What a journal says, once what it says is so: the newest file batch is where it belongs."""
    entry = _entry_of(location, content)
    if entry.files and files_below(staging_root(output, entry.commit_id)):
        _move(output, entry)
    return entry


def _move(output: str, entry: _Entry) -> None:
    tables = staging_root(output, entry.waits_as) if entry.waits_as else output
    move_into_tables(output, entry.commit_id, entry.files, tables)


def _entry_of(location: str, content: bytes) -> _Entry:
    try:
        told = json.loads(content)
        waits_as = str(told.get("waits_as", ""))
        return _Entry(int(told["published"]), str(told["commit_id"]), tuple(told["files"]), waits_as)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise OutputError(f"{location} is no journal of a run, or is cut; move it away") from error
