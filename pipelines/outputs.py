"""Outputs: where the tables live, and how a wave of rows becomes visible there all at once."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING, Protocol

from pipelines import commit
from transforms.parquet import ParquetWriter
from transforms.tables import Row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from transforms.sink import TableWriter


class Output(Protocol):
    """A set of the five tables that a local run writes to, wave by wave."""

    def opened(self) -> AbstractContextManager[None]:
        """Hold the output for one run: recover what a killed run left half done, keep others away.

        Raises:
            OutputInUseError: Another run is writing there.
        """

    def staging_writer(self, wave: str) -> TableWriter:
        """A writer for rows that no reader sees before the wave is committed."""

    def commit(self, wave: str) -> None:
        """Make a wave's rows visible; may be repeated."""

    def discard(self, wave: str) -> None:
        """Forget a wave that was not committed."""


class ParquetOutput:
    """Parquet files in a folder or below a URL."""

    def __init__(self, location: str) -> None:
        self._location = location

    @contextmanager
    def opened(self) -> Iterator[None]:
        """See :class:`Output`."""
        with commit.exclusive_output(self._location):
            commit.recover(self._location)
            try:
                yield
            finally:
                commit.recover(self._location)

    def staging_writer(self, wave: str) -> ParquetWriter:
        """See :class:`Output`."""
        return ParquetWriter(commit.staging_root(self._location, wave))

    def commit(self, wave: str) -> None:
        """See :class:`Output`."""
        commit.commit_wave(self._location, wave)

    def discard(self, wave: str) -> None:
        """See :class:`Output`."""
        commit.discard_wave(self._location, wave)


class _SeveralWriters:
    def __init__(self, writers: Sequence[TableWriter]) -> None:
        self._writers = writers

    def write(self, table: str, rows: Sequence[Row]) -> int:
        return sum(writer.write(table, rows) for writer in self._writers)


class SeveralOutputs:
    """Several outputs that receive the same rows, committed one after the other.

    The last one is the one whose tables tell what is done: a run that is killed between two commits
    works the wave again. All but the last must therefore take a row twice without doubling it.
    """

    def __init__(self, outputs: Sequence[Output]) -> None:
        self._outputs = outputs

    @contextmanager
    def opened(self) -> Iterator[None]:
        """See :class:`Output`."""
        with ExitStack() as held:
            for output in self._outputs:
                held.enter_context(output.opened())
            yield

    def staging_writer(self, wave: str) -> _SeveralWriters:
        """See :class:`Output`."""
        return _SeveralWriters([output.staging_writer(wave) for output in self._outputs])

    def commit(self, wave: str) -> None:
        """See :class:`Output`."""
        for output in self._outputs:
            output.commit(wave)

    def discard(self, wave: str) -> None:
        """See :class:`Output`."""
        for output in self._outputs:
            output.discard(wave)
