"""From the locations of ``--output`` to the output of a run, which may be several outputs at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from tonearm.transforms.tables.contract import (
    Journal,
    NoteBoard,
    Output,
    OutputError,
    RowCounts,
    SeveralWriters,
)
from tonearm.transforms.tables.kinds import all_locations, kind_of
from tonearm.transforms.tables.schemas import Row


def output_at(locations: Sequence[str]) -> Output:
    """The output at a location, or several as one; see :func:`in_order`."""
    outputs = [kind_of(location).output(location) for location in locations]
    return outputs[0] if len(outputs) == 1 else SeveralOutputs(outputs)


def in_order(locations: Sequence[str]) -> tuple[str, ...]:
    """Check locations and order them: the last one's tables tell what is done.

    Raises:
        OutputError: There are two of a kind, or one is misspelt.
    """
    kinds = [kind_of(location) for location in locations]
    if len(set(kinds)) < len(kinds):
        raise OutputError(
            f"two outputs of one kind are named, {', '.join(locations)}; there can be {all_locations(', ')}, "
            "or one of each kind"
        )
    ordered = sorted(zip(kinds, locations, strict=True), key=lambda each: not each[0].replaces_rows)
    return tuple(kind.located(location) for kind, location in ordered)


class SeveralOutputs:
    """Several outputs that receive the same rows, committed one after the other.

    The last one is the one whose tables tell what is done: a run that is killed between two commits
    works the share again. All but the last must therefore take a row twice without doubling it.
    """

    def __init__(self, outputs: Sequence[Output]) -> None:
        self._outputs = outputs

    def prepare(self) -> None:
        """See :class:`Output`."""
        for output in self._outputs:
            output.prepare()

    def boards(self) -> list[NoteBoard]:
        """See :class:`Output`; a run holds all of its outputs."""
        return [board for output in self._outputs for board in output.boards()]

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """See :class:`Output`."""
        with ExitStack() as stack:
            for output in self._outputs:
                stack.enter_context(output.guarded())
            yield

    def recover(self, ended: Sequence[str]) -> None:
        """See :class:`Output`."""
        for output in self._outputs:
            output.recover(ended)

    def staging_writer(self, commit_id: str) -> SeveralWriters:
        """See :class:`Output`."""
        return SeveralWriters(tuple(output.staging_writer(commit_id) for output in self._outputs))

    def backfill_writer(self, run_id: str) -> SeveralWriters:
        """See :class:`Output`."""
        return _together(output.backfill_writer(run_id) for output in self._outputs)

    def backfill_journal(
        self, run_id: str, shard: int, require_hold: Callable[[], None], *, waits: bool = False
    ) -> Journal | None:
        """See :class:`Output`; what tells what is done does so once the others are committed."""
        return _only(
            output.backfill_journal(run_id, shard, require_hold, waits=True) for output in self._outputs
        )

    def stream_writer(self) -> SeveralWriters:
        """See :class:`Output`."""
        return _together(output.stream_writer() for output in self._outputs)

    def journal(self, line: str, shard: int) -> Journal | None:
        """See :class:`Output`."""
        return _only(output.journal(line, shard) for output in self._outputs)

    def commit(self, commit_id: str, rows: RowCounts) -> None:
        """See :class:`Output`."""
        for output in self._outputs:
            output.commit(commit_id, rows)

    def finish_backfill(self, run_id: str, rows: RowCounts, *, waits: bool = False) -> None:
        """See :class:`Output`."""
        for output in self._outputs:
            output.finish_backfill(run_id, rows, waits=True)

    def write_run(self, row: Row) -> None:
        """See :class:`Output`."""
        for output in self._outputs:
            output.write_run(row)

    def discard(self, commit_id: str) -> None:
        """See :class:`Output`."""
        for output in self._outputs:
            output.discard(commit_id)


def _together(writers: Iterable[SeveralWriters]) -> SeveralWriters:
    return SeveralWriters(tuple(writer for each in writers for writer in each.writers))


def _only(journals: Iterable[Journal | None]) -> Journal | None:
    """The journal of several outputs: there is one kind at most whose rows would double."""
    return next((journal for journal in journals if journal is not None), None)
