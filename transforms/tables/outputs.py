"""From the locations of ``--output`` to the output of a run, which may be several outputs at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from tonearm.transforms.tables.contract import (
    Journal,
    NoteBoard,
    Output,
    OutputError,
    RowCounts,
    SeveralWriters,
)
from tonearm.transforms.tables.holding.hold import HoldLostError
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


@dataclass(frozen=True, slots=True)
class HeldStagingWriter:
    """Stages rows of a cluster's batch run; nothing remains of what a run that lost its hold still stages.

    Attributes:
        output: One of the run's outputs.
        run_id: The run, as whose commit all of its rows wait.
        require_hold: Raises if the run holds its outputs no longer.
    """

    output: Output
    run_id: str
    require_hold: Callable[[], None]

    def write(self, table: str, rows: Sequence[Row]) -> int:
        """See :class:`TableWriter`."""
        written = self.output.staging_writer(self.run_id).write(table, rows)
        try:
            self.require_hold()
        except HoldLostError:
            self.output.discard(self.run_id)
            raise
        return written


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

    def backfill_writer(self, run_id: str, require_hold: Callable[[], None]) -> SeveralWriters:
        """See :class:`Output`; what tells what is done must not do so before the others are committed."""
        *others, last = self._outputs
        writers = [output.backfill_writer(run_id, require_hold) for output in others]
        return SeveralWriters((*writers, HeldStagingWriter(last, run_id, require_hold)))

    def stream_writer(self) -> SeveralWriters:
        """See :class:`Output`."""
        return SeveralWriters(
            tuple(each for output in self._outputs for each in output.stream_writer().writers)
        )

    def journal(self, line: str, shard: int) -> Journal | None:
        """See :class:`Output`; there is one kind at most whose rows would double."""
        journals = (output.journal(line, shard) for output in self._outputs)
        return next((journal for journal in journals if journal is not None), None)

    def commit(self, commit_id: str, rows: RowCounts) -> None:
        """See :class:`Output`."""
        for output in self._outputs:
            output.commit(commit_id, rows)

    def finish_backfill(self, run_id: str, rows: RowCounts) -> None:
        """See :class:`Output`."""
        *others, last = self._outputs
        for output in others:
            output.finish_backfill(run_id, rows)
        last.commit(run_id, rows)

    def write_run(self, row: Row) -> None:
        """See :class:`Output`."""
        for output in self._outputs:
            output.write_run(row)

    def discard(self, commit_id: str) -> None:
        """See :class:`Output`."""
        for output in self._outputs:
            output.discard(commit_id)
