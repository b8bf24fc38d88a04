"""The ledger: which tracks an output holds already, so that a run that is repeated works only new ones."""

from __future__ import annotations

import hashlib
from array import array
from collections import defaultdict
from collections.abc import Mapping

import numpy as np

from tonearm.transforms.elements.failure import Failure
from tonearm.transforms.elements.readable import readable
from tonearm.transforms.elements.track import Track
from tonearm.transforms.storage.schemes import stored_uri
from tonearm.transforms.tables.schemas import SPECTROGRAMS
from tonearm.transforms.tables.stored_rows import table_rows


class Ledger:
    """What is written for one tagger, as digests: 8 bytes a tagged track in memory; empty at first.

    A track is its id, its URI and its generation: a row of a manifest that points to another file is
    another track, even if that file has the size and time of the one before.
    """

    def __init__(self) -> None:
        self._tagged = _Digests(array("Q"))
        self._committed: set[int] = set()
        self._failed_for_good: set[int] = set()
        self._failures: defaultdict[int, set[str]] = defaultdict(set)

    @classmethod
    def read(cls, output: str, tagger: str) -> Ledger:
        """Read what an output holds.

        Args:
            output: Where the tables lie.
            tagger: Only rows of this ``name@version`` count.
        """
        return cls._read(output, "track_tags", {"tagger": tagger})

    @classmethod
    def read_spectrograms(cls, output: str, fingerprint: str) -> Ledger:
        """Read which spectrograms an output holds; one that is there counts as tagged.

        Args:
            output: Where the tables lie.
            fingerprint: Only rows of this front end count.
        """
        return cls._read(output, SPECTROGRAMS, {"frontend": fingerprint})

    @classmethod
    def _read(cls, output: str, table: str, made_by: Mapping[str, str]) -> Ledger:
        ledger = cls()
        tagged = array("Q")
        for row in table_rows(output, table, ["track_id", "uri", "generation"], **made_by):
            tagged.append(_digest(row["track_id"], row["uri"], row["generation"]))
        ledger._tagged = _Digests(tagged)
        columns = ["track_id", "uri", "generation", "stage", "error", "retriable"]
        for row in table_rows(output, "failures", columns, **made_by):
            key = _digest(row["track_id"], row["uri"], row["generation"])
            ledger._failures[key].add(f"{row['stage']}/{row['error']}")
            if not row["retriable"]:
                ledger._failed_for_good.add(key)
        return ledger

    def lacking_in(self, other: Ledger) -> int:
        """How many of these tagged tracks another output does not hold."""
        return self._tagged.lacking_in(other._tagged)

    def is_tagged(self, track: Track) -> bool:
        """True if ``track_tags`` has this track, from this URI, at this generation."""
        return any(key in self._tagged for key in _keys(track))

    def failed_for_good(self, track: Track) -> bool:
        """True if these very bytes failed before in a way that trying again does not change."""
        return not self._failed_for_good.isdisjoint(_keys(track))

    def forget_failures(self) -> None:
        """Forget which tracks failed for good, so that they are tried again all the same."""
        self._failed_for_good.clear()

    def remember(self, track: Track) -> None:
        """Note that this run has committed a track: its rows, of whatever kind, are in the tables."""
        self._committed.add(_key(track))

    def remember_failure(self, failure: Failure) -> None:
        """Note that this run has written a failure's row: the same failure adds no second one."""
        self._failures[_key(failure.track)].add(failure.kind)

    def is_committed(self, track: Track) -> bool:
        """True if this run has committed the track at this generation."""
        return _key(track) in self._committed

    def past_failures(self, track: Track) -> tuple[str, ...]:
        """``stage/error`` of the track's rows in ``failures``."""
        return tuple(sorted({kind for key in _keys(track) for kind in self._failures.get(key, ())}))


class _Digests:
    """A fixed set of digests in little memory."""

    def __init__(self, digests: array[int]) -> None:
        self._sorted = np.sort(np.frombuffer(digests, np.uint64)) if digests else np.empty(0, np.uint64)

    def lacking_in(self, other: _Digests) -> int:
        """How many of these the other does not hold."""
        return len(np.setdiff1d(self._sorted, other._sorted))

    def __contains__(self, digest: int) -> bool:
        wanted = np.uint64(digest)
        place = int(np.searchsorted(self._sorted, wanted))
        return place < len(self._sorted) and bool(self._sorted[place] == wanted)


def _key(track: Track) -> int:
    return _digest(readable(track.track_id), stored_uri(track.uri), track.generation)


def _keys(track: Track) -> tuple[int, int]:
    """The digests of rows that are the track's: with its URI, and with the URI withheld."""
    return _key(track), _digest(readable(track.track_id), "", track.generation)


def _digest(*parts: str) -> int:
    """64 bits of a hash over the parts, each with its length so that borders count."""
    joined = b"".join(len(part).to_bytes(8, "big") + part.encode() for part in parts)
    return int.from_bytes(hashlib.blake2b(joined, digest_size=8).digest(), "big")
