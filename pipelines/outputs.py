"""Outputs: where the tables live, and how a wave of rows becomes visible there all at once."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING, Protocol

from pipelines import commit
from transforms.parquet import ParquetWriter
from transforms.sink import SeveralWriters, TableWriter
from transforms.stored_rows import BIGQUERY, OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator


class Output(Protocol):
    """A set of the five tables that a run writes to; pickled to where an engine's graph runs."""

    def opened(self) -> AbstractContextManager[None]:
        """Hold the output for one run: recover what a killed run left half done, keep others away.

        Raises:
            OutputInUseError: Another run is writing there.
            OutputError: It cannot be written to.
        """

    def staging_writer(self, wave: str) -> TableWriter:
        """A writer for rows that no reader sees before the wave is committed."""

    def backfill_writer(self, run: str) -> TableWriter:
        """A writer for an engine's batch run; readers see its rows when it is committed, if not before."""

    def stream_writer(self) -> TableWriter:
        """A writer for an engine's stream, whose rows readers see at once."""

    def commit(self, wave: str) -> None:
        """Make the rows of a wave or backfill visible; may be repeated."""

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

    def backfill_writer(self, run: str) -> ParquetWriter:
        """See :class:`Output`; a retried bundle writes the same file again, so nothing has to wait."""
        return ParquetWriter(self._location)

    def stream_writer(self) -> ParquetWriter:
        """See :class:`Output`."""
        return ParquetWriter(self._location)

    def commit(self, wave: str) -> None:
        """See :class:`Output`."""
        commit.commit_wave(self._location, wave)

    def discard(self, wave: str) -> None:
        """See :class:`Output`."""
        commit.discard_wave(self._location, wave)


def output_at(locations: Sequence[str]) -> Output:
    """The output at a location, or several as one; see :func:`in_order`."""
    outputs = [_output_at(location) for location in locations]
    return outputs[0] if len(outputs) == 1 else SeveralOutputs(outputs)


def in_order(locations: Sequence[str]) -> tuple[str, ...]:
    """Check locations and order them: the last one's tables tell what is done.

    Raises:
        OutputError: There are two of a kind, or one is misspelt.
    """
    ordered = tuple(sorted(locations, key=_is_folder))
    if len({_is_folder(location) for location in ordered}) < len(ordered):
        raise OutputError("--output names one folder or URL, one bigquery:// dataset, or one of each kind")
    output_at(ordered)
    return ordered


def _is_folder(location: str) -> bool:
    return not location.startswith(BIGQUERY)


def _output_at(location: str) -> Output:
    if _is_folder(location):
        return ParquetOutput(location)
    from pipelines.bigquery_output import BigQueryOutput
    from transforms.bigquery_client import Dataset

    return BigQueryOutput(Dataset.at(location))


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

    def staging_writer(self, wave: str) -> SeveralWriters:
        """See :class:`Output`."""
        return SeveralWriters(tuple(output.staging_writer(wave) for output in self._outputs))

    def backfill_writer(self, run: str) -> SeveralWriters:
        """See :class:`Output`; what tells what is done must not do so before the others are committed."""
        *others, last = self._outputs
        writers = (*(output.backfill_writer(run) for output in others), last.staging_writer(run))
        return SeveralWriters(writers)

    def stream_writer(self) -> SeveralWriters:
        """See :class:`Output`."""
        return SeveralWriters(tuple(output.stream_writer() for output in self._outputs))

    def commit(self, wave: str) -> None:
        """See :class:`Output`."""
        for output in self._outputs:
            output.commit(wave)

    def discard(self, wave: str) -> None:
        """See :class:`Output`."""
        for output in self._outputs:
            output.discard(wave)
