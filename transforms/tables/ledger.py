"""The ledger: which tracks an output holds already, so that a run that is repeated works only new ones."""

from __future__ import annotations

import hashlib
from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tonearm.transforms.elements.failure import Failure
from tonearm.transforms.elements.further_taggers import Canary
from tonearm.transforms.elements.readable import readable
from tonearm.transforms.elements.track import Track
from tonearm.transforms.storage.schemes import stored_uri
from tonearm.transforms.tables.schemas import SPECTROGRAMS, Row
from tonearm.transforms.tables.stored_rows import table_rows

_NONE: array[int] = array("Q")
_NEVER: array[float] = array("d")


class Ledger:
    """What is written for one tagger, as digests: 8 bytes a row in memory; empty at first.

    A track is its id, its URI and its generation: a row of a manifest that points to another file is
    another track, even if that file has the size and time of the one before. Only the latest row of a
    ``track_id`` counts as done: one that goes from a file to another and back is worked a third time, so
    that the latest row says again what the catalog says now.
    """

    def __init__(self) -> None:
        self._tagged = _LatestOfEach()
        self._committed: dict[int, int] = {}
        self._tagged_by_run = _values(_NONE)
        self._failed_in_run: dict[int, str] = {}
        self._replaced: set[int] = set()
        self._failed_for_good: set[int] = set()
        self._failures: defaultdict[int, set[str]] = defaultdict(set)

    @classmethod
    def read(
        cls, output: str, *taggers: str, canary: Canary | None = None, run_id: str | None = None
    ) -> Ledger:
        """Read what an output holds.

        Args:
            output: Where the tables lie.
            taggers: Only rows of these ``name@version`` count.
            canary: Of tracks in its share its rows count, and no others; None if there is no canary.
            run_id: The run that reads, if it may have rows there: see :meth:`is_tagged_by_run`.
        """
        return cls._read(output, "track_tags", _Makers("tagger", frozenset(taggers), canary), run_id)

    @classmethod
    def read_spectrograms(cls, output: str, fingerprint: str) -> Ledger:
        """Read which spectrograms an output holds; one that is there counts as tagged.

        Args:
            output: Where the tables lie.
            fingerprint: Only rows of this front end count.
        """
        return cls._read(output, SPECTROGRAMS, _Makers("frontend", frozenset([fingerprint])))

    @classmethod
    def _read(cls, output: str, table: str, makers: _Makers, run_id: str | None = None) -> Ledger:
        ledger = cls()
        ids, keys, moments, keys_of_run = array("Q"), array("Q"), array("d"), array("Q")
        of_run = [] if run_id is None else ["run_id"]
        columns = ["track_id", "uri", "generation", "analyzed_at", *of_run]
        for row in makers.rows(output, table, columns):
            ids.append(digest_of(row["track_id"]))
            keys.append(digest_of(row["track_id"], row["uri"], row["generation"]))
            moments.append(row["analyzed_at"].timestamp())
            if of_run and row["run_id"] == run_id:
                keys_of_run.append(keys[-1])
        if keys:
            ledger._tagged = _LatestOfEach(ids, keys, moments)
            ledger._tagged_by_run = np.sort(_values(keys_of_run))
        columns = ["track_id", "uri", "generation", "stage", "error", "retriable", *of_run]
        for row in makers.rows(output, "failures", columns):
            key = digest_of(row["track_id"], row["uri"], row["generation"])
            ledger._failures[key].add(f"{row['stage']}/{row['error']}")
            if not row["retriable"]:
                ledger._failed_for_good.add(key)
            if of_run and row["run_id"] == run_id:
                ledger._failed_in_run[key] = row["error"]
        return ledger

    def lacking_in(self, other: Ledger) -> int:
        """How many tracks another output does not hold as they were tagged last."""
        return self._tagged.lacking_in(other._tagged)

    def is_tagged(self, track: Track) -> bool:
        """True if the latest row of this id is of this URI, at this generation."""
        return any(self._tagged.holds(key) for key in _keys(track))

    def was_replaced(self, track: Track) -> bool:
        """True if this URI at this generation was worked, and something else of the same id after it."""
        key = _key(track)
        return key in self._replaced or self._tagged.held(key)

    def failed_for_good(self, track: Track) -> bool:
        """True if these very bytes failed before in a way that trying again does not change."""
        return not self._failed_for_good.isdisjoint(_keys(track))

    def forget_failures(self) -> None:
        """Forget which tracks failed for good, so that they are tried again all the same."""
        self._failed_for_good.clear()

    def remember(self, track: Track) -> None:
        """Note that this run has committed a track: its rows, of whatever kind, are in the tables."""
        id_digest, key = digest_of(readable(track.track_id)), _key(track)
        before = self._committed.get(id_digest, key)
        if before != key:
            self._replaced.add(before)
            self._replaced.discard(key)
        self._committed[id_digest] = key

    def remember_failure(self, failure: Failure) -> None:
        """Note that this run has written a failure's row: the same failure adds no second one."""
        self._failures[_key(failure.track)].add(failure.kind)

    def is_committed(self, track: Track) -> bool:
        """True if it is what this run has committed last of the track's id."""
        return self._committed.get(digest_of(readable(track.track_id))) == _key(track)

    def is_tagged_by_run(self, track: Track) -> bool:
        """True if the run that this was read for has rows of the track: its job was begun again."""
        return any(is_among(key, self._tagged_by_run) for key in _keys(track))

    def failed_in_run(self, track: Track) -> str | None:
        """The word of the track's failure, as :meth:`is_tagged_by_run`; None if it had not failed."""
        return next((self._failed_in_run[key] for key in _keys(track) if key in self._failed_in_run), None)

    def past_failures(self, track: Track) -> tuple[str, ...]:
        """``stage/error`` of the track's rows in ``failures``."""
        return tuple(sorted({kind for key in _keys(track) for kind in self._failures.get(key, ())}))


@dataclass(frozen=True, slots=True)
class _Makers:
    """Whose rows count.

    Attributes:
        column: Names who made a row.
        names: Those whose rows count.
        canary: See :meth:`Ledger.read`.
    """

    column: str
    names: frozenset[str]
    canary: Canary | None = None

    def rows(self, output: str, table: str, columns: Sequence[str]) -> Iterator[Row]:
        """Rows of a table that count; it is read once, however many makers there are."""
        if len(self.names) == 1 and self.canary is None:
            yield from table_rows(output, table, columns, **{self.column: next(iter(self.names))})
            return
        for row in table_rows(output, table, [*columns, self.column]):
            if self._counts(row):
                yield row

    def _counts(self, row: Row) -> bool:
        maker: str = row[self.column]
        if self.canary and self.canary.takes(row["track_id"]):
            return maker == self.canary.tagger
        return maker in self.names


class _LatestOfEach:
    """Keys of rows, as a fixed set of digests in little memory; knows which is the latest of each id.

    Args:
        ids: Digest of each row's ``track_id``.
        keys: Digest of each row's whole key.
        moments: When each row was made.
    """

    def __init__(
        self, ids: array[int] = _NONE, keys: array[int] = _NONE, moments: array[float] = _NEVER
    ) -> None:
        by_id = np.lexsort((_values(moments), _values(ids)))
        sorted_ids = _values(ids)[by_id]
        is_last = np.append(sorted_ids[1:] != sorted_ids[:-1], True)[: len(sorted_ids)]
        sorted_keys = _values(keys)[by_id]
        self._latest = np.sort(sorted_keys[is_last])
        self._before = np.sort(sorted_keys[~is_last])

    def lacking_in(self, other: _LatestOfEach) -> int:
        """How many of the latest the other does not hold as the latest."""
        return len(np.setdiff1d(self._latest, other._latest))

    def holds(self, key: int) -> bool:
        """True if it is the latest key of its id."""
        return is_among(key, self._latest)

    def held(self, key: int) -> bool:
        """True if it is an id's key, and not the latest."""
        return is_among(key, self._before) and not self.holds(key)


def _values(digests: array[Any]) -> np.ndarray:
    return np.frombuffer(digests, np.dtype(digests.typecode)) if digests else np.empty(0, digests.typecode)


def is_among(digest: int, found: np.ndarray) -> bool:
    """Whether a digest is in a sorted array of them."""
    place = int(np.searchsorted(found, np.uint64(digest)))
    return place < len(found) and bool(found[place] == np.uint64(digest))


def _key(track: Track) -> int:
    return digest_of(readable(track.track_id), stored_uri(track.uri), track.generation)


def _keys(track: Track) -> tuple[int, int]:
    """The digests of rows that are the track's: with its URI, and with the URI withheld."""
    return _key(track), digest_of(readable(track.track_id), "", track.generation)


def digest_of(*parts: str) -> int:
    """64 bits of a hash over the parts, each with its length so that borders count."""
    joined = b"".join(len(part).to_bytes(8, "big") + part.encode() for part in parts)
    return int.from_bytes(hashlib.blake2b(joined, digest_size=8).digest(), "big")
