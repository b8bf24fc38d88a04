"""Rows that a store refuses: found one by one, so that their neighbours are written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tonearm.transforms.tables.schemas import Row

MAX_REFUSED = 50
"""If more rows of one call are refused, something else than the rows must be wrong."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that was not written, and the store's reason."""

    row: Row
    reason: str


class RowsRefusedError(Exception):
    """A store refuses some rows of a table; all others of the call are written.

    Args:
        table: The table.
        refusals: The rows and why.
    """

    def __init__(self, table: str, refusals: Sequence[Refusal]) -> None:
        super().__init__(f"{len(refusals)} rows of {table} were refused: {refusals[0].reason}")
        self.table = table
        self.refusals = refusals


class BatchRefusedError(Exception):
    """A store refuses a batch; which of its rows it means is not known."""


def send_bisecting(rows: Sequence[Row], send: Callable[[Sequence[Row]], None]) -> list[Refusal]:
    """Send rows together and, where a batch is refused, its halves, down to the guilty rows.

    Args:
        rows: What to send.
        send: Sends a batch whole; raises ``BatchRefusedError`` if it was refused whole.

    Returns:
        The rows that were refused on their own.

    Raises:
        BatchRefusedError: Row after row is refused.

    Example:
        >>> def send(rows):
        ...     if any(row["score"] > 1 for row in rows):
        ...         raise BatchRefusedError("a score above 1")
        >>> send_bisecting([{"score": 0.5}, {"score": 2}, {"score": 0.1}], send)
        [Refusal(row={'score': 2}, reason='a score above 1')]
    """
    refusals = []
    for refusal in _bisected(rows, send):
        refusals.append(refusal)
        if len(refusals) > MAX_REFUSED:
            raise BatchRefusedError(f"row after row is refused: {refusal.reason}")
    return refusals


def _bisected(rows: Sequence[Row], send: Callable[[Sequence[Row]], None]) -> Iterator[Refusal]:
    try:
        send(rows)
    except BatchRefusedError as error:
        if len(rows) == 1:
            yield Refusal(rows[0], str(error))
            return
        middle = len(rows) // 2
        yield from _bisected(rows[:middle], send)
        yield from _bisected(rows[middle:], send)
