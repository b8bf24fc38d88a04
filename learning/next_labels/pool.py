"""A random sample of a catalog that is read once, in which uncertain tracks are likelier."""

from __future__ import annotations

import hashlib
import heapq
import math
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Member = TypeVar("Member")

_LEAST_WEIGHT = 1e-6
"""A tagger that is sure of everything gives no track a weight of its own."""


@dataclass(slots=True)
class Pool(Generic[Member]):
    """The sample: so many members at most, however many are offered.

    It is drawn after Efraimidis and Spirakis (2006, doi:10.1016/j.ipl.2005.11.003), by random numbers that
    are made of names: so it does not depend on the order in which tracks are read.

    Attributes:
        size: Members at most.
    """

    size: int
    _kept: list[tuple[float, str, float, Member]] = field(default_factory=list)
    _best_left_out: float = -math.inf

    def offer(self, name: str, weight: float, member: Member) -> None:
        """Offer a member.

        Args:
            name: What it is called; each once.
            weight: How likely it is to be taken, beside the others.
            member: The member.
        """
        weight = max(weight, _LEAST_WEIGHT)
        entry = math.log(_number_of(name)) / weight, name, weight, member
        if len(self._kept) < self.size:
            heapq.heappush(self._kept, entry)
        else:
            left_out, *_ = heapq.heappushpop(self._kept, entry)
            self._best_left_out = max(self._best_left_out, left_out)

    def members(self) -> list[tuple[Member, float]]:
        """Each member with the weight that it has in the sample, in the order of names.

        Sums over the sample so weighted are, on average, the sums over all that was offered with the weights
        they were offered with (Horvitz and Thompson 1952; for such samples Cohen and Kaplan 2007,
        doi:10.1145/1281100.1281133).
        """
        by_name = sorted(self._kept, key=lambda entry: entry[1])
        return [
            (member, weight / -math.expm1(self._best_left_out * weight)) for _, _, weight, member in by_name
        ]


def _number_of(name: str) -> float:
    """A number above 0 and below 1, drawn by a name."""
    digest = hashlib.blake2b(name.encode(), digest_size=6).digest()
    return (int.from_bytes(digest) + 0.5) / (1 << 48)
