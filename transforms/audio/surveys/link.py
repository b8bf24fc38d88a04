"""A link of a file that is a chain: a stream of its own, with a header, a rate and channels of its own."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Link:
    """One link.

    Attributes:
        start: Offset of its first byte.
        end: Offset of the first byte behind it.
        seconds: Length that it promises, by its header or by the numbers and time stamps in it.
    """

    start: int
    end: int
    seconds: float
