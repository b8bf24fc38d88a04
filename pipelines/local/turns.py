"""Turns: the times in which one tagger after the other works in a run, each with a row in ``runs``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import apache_beam as beam

from tonearm.pipelines.runs.record import RunRecord
from tonearm.transforms.sources.pending import SkipReason
from tonearm.transforms.tables.contract import TableWriter
from tonearm.transforms.tables.rows import Provenance
from tonearm.transforms.tagging.counting import OnFailure

ShareWork = Callable[[TableWriter, Provenance, OnFailure], beam.PTransform]
"""Makes the graph of a share, from its arrivals to the rows that its writer takes; called for each share."""


@dataclass
class Turn:
    """A tagger's turn, from the run's start or another tagger's end on.

    Attributes:
        record: Its counts; its provenance is that of all rows of the turn.
        work: What becomes of a share's tracks.
        close: Called once when its last share is committed, or the run ends.
        open_shares: Shares that have begun in it and have not ended.
        stage_seconds: Seconds that its shares spent, by stage.
    """

    record: RunRecord
    work: ShareWork
    close: Callable[[], None] = lambda: None
    open_shares: int = 0
    stage_seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))


NextTurn = Callable[[Turn], Turn | None]
"""Asked before each share: the turn that is to follow the present one; None to go on with it."""


class Turns:
    """The turns of one run, the present one last.

    Args:
        first: The turn that the run begins with.
        following: Tells when another tagger's turn comes.
        in_runs_of_their_own: True if the next tagger's turn is to be a new run, which looks at all tracks
            again.

    Attributes:
        is_end_wanted: True if the run is to end, as the next tagger's turn has come.
    """

    def __init__(
        self, first: Turn, following: NextTurn = lambda _: None, *, in_runs_of_their_own: bool = False
    ) -> None:
        self._turns = [first]
        self._following = following
        self._in_runs_of_their_own = in_runs_of_their_own
        self.is_end_wanted = False

    def __iter__(self) -> Iterator[Turn]:
        return iter(self._turns)

    @property
    def present(self) -> Turn:
        """The turn of shares that begin now."""
        return self._turns[-1]

    def move_on(self) -> Turn | None:
        """Begin the next turn if it has come; returns the one that is over then, but for its open shares."""
        present = self.present
        following = None if self.is_end_wanted else self._following(present)
        if following is None:
            return None
        if self._in_runs_of_their_own:
            self.is_end_wanted = True
            return None
        self._turns.append(following)
        return present

    def skip(self, reason: SkipReason) -> None:
        """Count a track that is left out, in the present turn."""
        self.present.record.skip(reason)

    @property
    def n_skipped(self) -> int:
        """Tracks left out in all turns."""
        return sum(turn.record.n_skipped for turn in self._turns)
