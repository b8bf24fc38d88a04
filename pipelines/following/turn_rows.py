"""Rows of ``runs`` that say which bundles took over while a stream ran on a cluster, and which could not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tonearm.models.bundles.tagger import Tagger
from tonearm.pipelines.following.succession import REFUSED, Refusal, Successor
from tonearm.transforms.tables.contract import Output
from tonearm.transforms.tables.schemas import PARTITION, Row

_COUNTS = ("n_seen", "n_tagged", "n_skipped", "n_failed")


@dataclass(frozen=True, slots=True)
class TurnRows:
    """Writes the rows of a stream's turns; pickled to the workers.

    Every worker writes the row of each turn, and all write the same one: a move of the pointer has one row,
    which is named by the run and the move's number. Nobody counts the tracks of a turn: those of all turns
    stand in the run's own row.

    Attributes:
        output: The tables.
        run: The row of the run, as it was submitted.
    """

    output: Output
    run: Row

    def write(self, row: Row) -> None:
        """Write a row of a turn."""
        self.output.write_run(row)

    def took_over(self, successor: Successor) -> Row:
        """The row of a bundle's turn, which has no end."""
        return self._row(successor.number, successor.moved_at, successor.tagger)

    def could_not(self, refusal: Refusal, present: Tagger) -> Row:
        """The row of a turn that ended as it began, as another bundle went on; it says why."""
        row = self._row(refusal.number, refusal.moved_at, present)
        settings = dict(row["settings"]) | {REFUSED: refusal.reason}
        return row | {"settings": sorted(settings.items()), "ended": row["started"]}

    def _row(self, number: int, moved_at: str, tagger: Tagger) -> Row:
        started = _moment(moved_at) or self.run["started"]
        settings = dict(self.run["settings"]) | {"tagger": tagger.folder}
        return (
            self.run
            | dict.fromkeys(_COUNTS, 0)
            | {
                "run_id": f"{self.run['run_id']}-{number}",
                "tagger": tagger.identity,
                "bundle_sha256": tagger.bundle_hash,
                "settings": sorted(settings.items()),
                "started": started,
                "ended": None,
                PARTITION: started.date(),
            }
        )


def _moment(text: str) -> datetime | None:
    """A moment as ISO 8601 tells it; None of a text that somebody wrote by hand and that tells none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None
