"""Retries: the tracks of ``failures`` as a source, each as its object is now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from transforms.failure import Stage
from transforms.ledger import Ledger
from transforms.sources import Announced, at_present_generation
from transforms.stored_rows import table_rows
from transforms.tables import Row
from transforms.track import Track

_COLUMNS = ["track_id", "uri", "stage", "retriable", "occurred_at"]


@dataclass(frozen=True, slots=True)
class RetryRequest:
    """What to try again.

    Attributes:
        output: Where the tables lie.
        everything: True to try also what failed in a way that the same bytes will fail again.
    """

    output: str
    everything: bool = False


def failed_tracks(request: RetryRequest, tagger: str) -> Iterator[Announced]:
    """Announce each failed track once, at the generation that its object has now.

    What was tagged since, under that generation, is for the ledger to leave out. What a message or a manifest
    got wrong is not for us to try again.

    Args:
        request: Which failures.
        tagger: Only failures of this ``name@version``.
    """
    latest: dict[tuple[str, str], Row] = {}
    for row in table_rows(request.output, "failures", _COLUMNS, tagger=tagger):
        key = row["track_id"], row["uri"]
        if key not in latest or latest[key]["occurred_at"] <= row["occurred_at"]:
            latest[key] = row
    for (track_id, uri), row in latest.items():
        if row["stage"] != Stage.SOURCE and (row["retriable"] or request.everything):
            yield at_present_generation(Track(track_id, uri, named=True))


def retry_ledger(request: RetryRequest, tagger: str) -> Ledger:
    """What is done; of what failed, that it did, and not that it is hopeless."""
    ledger = Ledger.read(request.output, tagger)
    if request.everything:
        ledger.give_hope()
    return ledger
