"""What listings have announced: each generation of an object once, and again later if it failed."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from tonearm.transforms.elements.arrival import Arrival, track_of
from tonearm.transforms.elements.failure import Failure
from tonearm.transforms.elements.track import Track

FIRST_RETRY_SECONDS = 60.0
"""How long after its first failure an object is announced again; each further time takes twice as long."""

LAST_RETRY_SECONDS = 3600.0
"""The longest pause, however often an object failed: access may be granted again at any time."""


class Novelty(Enum):
    """Whether an object that a listing found has to be announced."""

    NEW = auto()
    KNOWN = auto()

    AGAIN = auto()
    """Announced before; it failed in a way that may pass, and its time to be tried again has come."""


@dataclass
class _Retry:
    """When an object that failed is due again."""

    failed: int = 0
    due_at: float = float("inf")


class ListingMemory:
    """Remembers what was announced, in some 100 bytes per object, and forgets what is no longer listed.

    One thread may ask while others note failures.

    Args:
        may_grow: True if a file may still be being written when it is listed: then it is announced once two
            listings in a row found it unchanged.
    """

    def __init__(self, *, may_grow: bool) -> None:
        self._may_grow = may_grow
        self._listing = 0
        self._found_by: dict[
            int, int
        ] = {}  # key of each announced object: number of the last listing that found it
        self._young: set[int] = set()
        self._young_before: set[int] = set()
        self._retries: dict[int, _Retry] = {}
        self._lock = threading.Lock()

    def novelty(self, arrival: Arrival) -> Novelty:
        """Whether an object of the listing under way is new; from then on it counts as announced."""
        key = _key(track_of(arrival))
        with self._lock:
            if key in self._found_by:
                self._found_by[key] = self._listing
                return Novelty.AGAIN if self._is_due(key) else Novelty.KNOWN
            if self._may_grow and not isinstance(arrival, Failure) and key not in self._young_before:
                self._young.add(key)
                return Novelty.KNOWN
            self._found_by[key] = self._listing
            return Novelty.NEW

    def end_listing(self, *, whole: bool) -> None:
        """Begin the next listing; after a whole one, forget what it did not find."""
        with self._lock:
            if whole:
                self._found_by = {key: by for key, by in self._found_by.items() if by == self._listing}
                self._retries = {key: retry for key, retry in self._retries.items() if key in self._found_by}
                self._young_before = set()
            self._young_before |= self._young
            self._young = set()
            self._listing += 1

    def note_failures(self, failures: Sequence[Failure]) -> None:
        """Have objects that failed announced again: after a minute, then two, four, at most an hour."""
        with self._lock:
            for failure in failures:
                key = _key(failure.track)
                if key in self._found_by:
                    retry = self._retries.setdefault(key, _Retry())
                    pause = min(FIRST_RETRY_SECONDS * 2**retry.failed, LAST_RETRY_SECONDS)
                    retry.failed = min(retry.failed + 1, 30)
                    retry.due_at = time.monotonic() + pause

    def _is_due(self, key: int) -> bool:
        retry = self._retries.get(key)
        if retry is None or time.monotonic() < retry.due_at:
            return False
        retry.due_at = float("inf")  # until it is known to have failed again
        return True


def _key(track: Track) -> int:
    """64 bits: among a million objects two clash once in 30 million runs."""
    return hash((track.track_id, track.uri, track.generation))
