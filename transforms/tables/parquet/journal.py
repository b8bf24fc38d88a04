"""The journal of a shard: which of its file batches are published, whoever writes them and however often.

On a cluster the same worker may write twice: a job that goes back to a checkpoint works again what came after
it, gathered otherwise, and a worker that was taken for dead may wake up. So each shard of a stream has a
journal, a small object below ``_journals`` that nobody changes but on the store's own condition that it is
still as it was read. A file batch is published in three steps:

1. its files are written below ``_staging``, where no reader looks;
2. the journal counts one batch more, and names the staged files. Who finds it changed has lost, takes its
   files away, and looks again at what is published;
3. the files are moved into the tables, by this writer or by the next one to read the journal.

Files are numbered by the journal, and once they are in the tables they are neither replaced nor removed.
"""

from __future__ import annotations

import json
import re
import secrets
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime

from tonearm.transforms.storage.contract import Contents
from tonearm.transforms.storage.objects import (
    delete_folder,
    files_below,
    joined,
    read_object,
    write_if_absent,
    write_if_unchanged,
    write_object,
)
from tonearm.transforms.tables.contract import Announced, BehindError, OutputError
from tonearm.transforms.tables.parquet.commit import BEGUN, move_into_tables, staging_root
from tonearm.transforms.tables.parquet.files import (
    parquet_bytes,
    partition_folder,
    read_batches_of,
    table_files,
)
from tonearm.transforms.tables.schemas import PARTITION, Row

JOURNALS = "_journals"

_NUMBERED = re.compile(r"part-(?P<line>.+)-(?P<shard>\d+)-(?P<number>\d+)-\d+\.parquet")
"""Names of published files."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """What a journal says; the newest file batch is moved into the tables by whoever reads it.

    Attributes:
        published: How many file batches are published.
        commit_id: As whose commit the files of the newest one were staged.
        files: Their names, relative to the output.
    """

    published: int = 0
    commit_id: str = ""
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ShardJournal:
    """See :class:`Journal`.

    Attributes:
        output: Where the tables are.
        line: Names the stream, over all of its restarts.
        shard: The shard's number.
    """

    output: str
    line: str
    shard: int

    def publish(self, rows: Mapping[str, Sequence[Row]], after: int) -> int:
        """See :class:`Journal`."""
        entry, seen = self._brought_forward()
        if entry.published > after:
            raise BehindError(entry.published)
        moment = datetime.now(UTC)
        commit_id = f"{moment:{BEGUN}}-{secrets.token_hex(8)}"
        files, written = self._stage(commit_id, after + 1, rows)
        entry = _Entry(after + 1, commit_id, tuple(files))
        content = json.dumps(asdict(entry)).encode()
        write = write_if_unchanged(self._location, content, seen) if seen else None
        if seen is None:
            write = write_if_absent(self._location, content)
        if write is None:
            delete_folder(staging_root(self.output, commit_id))
            raise BehindError(self._brought_forward()[0].published)
        move_into_tables(self.output, commit_id, files)
        return written

    def tracks_after(self, number: int) -> Iterator[Announced]:
        """See :class:`Journal`."""
        columns = ["track_id", "generation", "uri"]
        for table in ("track_tags", "failures"):
            for location in table_files(self.output, table):
                if self._number_of(location) > number:
                    for batch in read_batches_of(location, table, columns):
                        yield from zip(*(batch.column(name).to_pylist() for name in columns), strict=True)

    @property
    def _location(self) -> str:
        return joined(self.output, JOURNALS, f"{self.line}-{self.shard:03d}.json")

    def _brought_forward(self) -> tuple[_Entry, Contents | None]:
        """What the journal says, once what it says is so: the newest file batch is in the tables."""
        seen = read_object(self._location)
        if seen is None:
            return _Entry(), None
        entry = _entry_of(self._location, seen.content)
        if files_below(staging_root(self.output, entry.commit_id)):
            move_into_tables(self.output, entry.commit_id, entry.files)
        return entry, seen

    def _stage(self, commit_id: str, number: int, rows: Mapping[str, Sequence[Row]]) -> tuple[list[str], int]:
        """Write the files of a file batch where no reader looks; return their names and bytes."""
        files, written = [], 0
        for table, of_table in rows.items():
            partitions: defaultdict[date, list[Row]] = defaultdict(list)
            for row in of_table:
                partitions[row[PARTITION]].append(row)
            for day, of_day in partitions.items():
                file = f"part-{self.line}-{self.shard:03d}-{number:08d}-{len(of_day)}.parquet"
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


def _entry_of(location: str, content: bytes) -> _Entry:
    try:
        told = json.loads(content)
        return _Entry(int(told["published"]), str(told["commit_id"]), tuple(told["files"]))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise OutputError(f"{location} is no journal of a stream, or is cut; move it away") from error
