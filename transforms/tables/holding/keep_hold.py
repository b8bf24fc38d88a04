"""Signs of life from the workers of a cluster, whose job has no process that is always there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TypeVar

import apache_beam as beam

from tonearm.transforms.tables.contract import NoteBoard
from tonearm.transforms.tables.holding.hold import Hold
from tonearm.transforms.tables.holding.holder import Holder

_Element = TypeVar("_Element")


@dataclass(frozen=True, slots=True)
class RequireHold:
    """Called by a worker before what it wrote becomes visible; pickled to where the graph runs.

    Attributes:
        boards: Where the notes of the hold lie.
        run_id: The run.
    """

    boards: Sequence[NoteBoard]
    run_id: str

    def __call__(self) -> None:
        """Make sure that the run still holds its output.

        Raises:
            HoldLostError: Another run has taken it over.
        """
        Hold(self.boards, Holder.here(self.run_id, "batch", outlives_process=True)).require()


class KeepHold(beam.DoFn):
    """Passes elements on, and keeps a run's hold on its output while a worker has the step in hand.

    A job that has lost its hold fails here, so that it writes nothing more.

    Args:
        boards: Where the notes of the hold lie.
        run_id: The run.
    """

    def __init__(self, boards: Sequence[NoteBoard], run_id: str) -> None:
        self._boards = boards
        self._run_id = run_id

    def setup(self) -> None:
        """Join the hold and give signs of life from now on."""
        self._stack = ExitStack()
        self._hold = Hold.joined(self._boards, self._run_id)
        self._stack.enter_context(self._hold.signing())

    def process(self, element: _Element) -> Iterator[_Element]:
        """Pass an element on.

        Raises:
            HoldLostError: Another run has taken the output over.
        """
        self._hold.require()
        yield element

    def teardown(self) -> None:
        """Leave the hold to the other workers."""
        self._stack.close()
