"""The ledger: which tracks an output holds already, so that a repeated run adds only what is new."""

from __future__ import annotations

import hashlib
from collections import defaultdict

from transforms.stored_rows import table_rows
from transforms.tables import readable
from transforms.track import Track


class Ledger:
    """What is written for one tagger, as digests: about 60 bytes a track in memory; empty at first."""

    def __init__(self) -> None:
        self._tagged: set[int] = set()
        self._settled: set[int] = set()
        self._hopeless: set[int] = set()
        self._failures: defaultdict[int, set[str]] = defaultdict(set)

    @classmethod
    def read(cls, output: str, tagger: str) -> Ledger:
        """Read what an output holds.

        Args:
            output: Where the tables lie.
            tagger: Only rows of this ``name@version`` count.
        """
        ledger = cls()
        for row in table_rows(output, "track_tags", ["track_id", "generation"], tagger=tagger):
            ledger._tagged.add(_digest(row["track_id"], row["generation"]))
        columns = ["track_id", "uri", "generation", "stage", "error", "retriable"]
        for row in table_rows(output, "failures", columns, tagger=tagger):
            key = _digest(row["track_id"], row["uri"], row["generation"])
            ledger._failures[key].add(f"{row['stage']}/{row['error']}")
            if not row["retriable"]:
                ledger._hopeless.add(key)
        return ledger

    def is_tagged(self, track: Track) -> bool:
        """True if ``track_tags`` has this track at this generation."""
        return _digest(readable(track.track_id), track.generation) in self._tagged

    def is_hopeless(self, track: Track) -> bool:
        """True if these very bytes failed before in a way that trying again does not change."""
        return _key(track) in self._hopeless

    def give_hope(self) -> None:
        """Have what failed for good tried again all the same."""
        self._hopeless.clear()

    def remember(self, track: Track) -> None:
        """Note that this run has settled a track: its rows, of whatever kind, stand in the tables."""
        self._settled.add(_key(track))

    def is_settled(self, track: Track) -> bool:
        """True if this run has settled the track at this generation."""
        return _key(track) in self._settled

    def past_failures(self, track: Track) -> tuple[str, ...]:
        """``stage/error`` of the track's rows in ``failures``."""
        return tuple(sorted(self._failures.get(_key(track), ())))


def _key(track: Track) -> int:
    return _digest(readable(track.track_id), readable(track.uri), track.generation)


def _digest(*parts: str) -> int:
    """64 bits of a hash over the parts, each with its length so that borders count."""
    joined = b"".join(len(part).to_bytes(8, "big") + part.encode() for part in parts)
    return int.from_bytes(hashlib.blake2b(joined, digest_size=8).digest(), "big")
