"""A prefix that is listed again and again on a cluster: what is new is announced, and what was is remembered.

What is remembered is state that the cluster keeps: eight bytes an object, whatever the number of listings.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import apache_beam as beam
from apache_beam.coders import BytesCoder
from apache_beam.metrics import Metrics
from apache_beam.transforms.userstate import BagStateSpec, ReadModifyWriteStateSpec
from apache_beam.utils.shared import Shared

from tonearm.errors import TonearmError
from tonearm.transforms.elements.arrival import Arrival, track_of
from tonearm.transforms.elements.input_kind import InputKind
from tonearm.transforms.elements.stage_times import NAMESPACE
from tonearm.transforms.elements.track import Track
from tonearm.transforms.sources.listing import announced_at, looked_up
from tonearm.transforms.sources.object_filter import ObjectFilter
from tonearm.transforms.sources.pending import SkipReason, reason_to_leave_out, without_repeats
from tonearm.transforms.storage.schemes import is_local

_DIGEST_BYTES = 8
"""Of a million objects two have one digest in one of 37 million catalogs; the second would be passed over."""

_NEARLY = 0.9
"""A signal that comes a little early is not left out: the next one would come a whole pause later."""

_SETTLING = 0.2
"""Share of a pause after a listing's end in which no other begins: what it has announced reaches the engine's
state a moment later, with the end of its bundle."""

_ANNOUNCED = BagStateSpec("announced", BytesCoder())
_YOUNG = ReadModifyWriteStateSpec("young", BytesCoder())
_announced_state = beam.DoFn.StateParam(_ANNOUNCED)
_young_state = beam.DoFn.StateParam(_YOUNG)

_logger = logging.getLogger(__name__)


class _Turns:
    """Keeps two listings of a process from overlapping: each would take all that is new for its own.

    Engines that keep the contract work one key in one place. Prism 2.77 works several signals at a time, seen
    when the first listing took longer than the time to the next signal.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_under_way = False
        self._next_at = float("-inf")

    def begin(self, pause_seconds: float) -> bool:
        """Begin a listing, unless one is under way or the last one began too lately."""
        now = time.monotonic()
        with self._lock:
            if self._is_under_way or now < self._next_at:
                return False
            self._is_under_way = True
            self._next_at = now + _NEARLY * pause_seconds
            return True

    def end(self, pause_seconds: float) -> None:
        """End a listing."""
        with self._lock:
            self._is_under_way = False
            self._next_at = max(self._next_at, time.monotonic() + _SETTLING * pause_seconds)


@dataclass
class ListedBefore:
    """What earlier listings of a prefix found, and what the one under way finds.

    Attributes:
        announced: Digests of the objects that were announced.
        young: Digests of those that the last listing found and that may still have been growing.
        may_grow: True if a file may still be being written when it is listed: then it is announced once two
            listings in a row found it unchanged.
    """

    announced: set[bytes]
    young: set[bytes]
    may_grow: bool
    found_new: list[bytes] = field(default_factory=list)
    found_young: set[bytes] = field(default_factory=set)
    found: set[bytes] = field(default_factory=set)

    def is_new(self, arrival: Arrival) -> bool:
        """Whether an object has to be announced; from then on it counts as announced."""
        digest = _digest(track_of(arrival))
        self.found.add(digest)
        if digest in self.announced:
            return False
        if self.may_grow and isinstance(arrival, Track) and digest not in self.young:
            self.found_young.add(digest)
            return False
        self.announced.add(digest)
        self.found_new.append(digest)
        return True

    @property
    def is_mostly_gone(self) -> bool:
        """True if most of what is remembered is no longer there, so that it pays to forget it."""
        return len(self.announced) > 2 * len(self.found)


class AnnounceNew(beam.DoFn):  # type: ignore[misc]
    """Lists a prefix whenever it is told to, and announces what no earlier listing has.

    All is kept under one key, so one worker lists. A listing that breaks off is warned of; what it had found
    is announced, and the next one goes on from there.

    Args:
        wanted: Which objects to take, and the outputs that are not listed.
        kind: What tracks come as.
        pause_seconds: Time from the beginning of one listing to that of the next. A source of signals with
            several workers gives several at a time, and a long listing finds some waiting.
    """

    def __init__(
        self, wanted: ObjectFilter, kind: InputKind = InputKind.AUDIO, pause_seconds: float = 0.0
    ) -> None:
        self._wanted = wanted
        self._kind = kind
        self._pause_seconds = pause_seconds
        self._shared = Shared()
        self._turns: _Turns | None = None

    def setup(self) -> None:
        """Take turns with what other threads of the process list for the same stream."""
        self._turns = self._shared.acquire(_Turns)

    def process(
        self,
        keyed: tuple[str, object],
        announced: Any = _announced_state,
        young: Any = _young_state,
    ) -> Iterator[Arrival]:
        """List the prefix that is the key."""
        turns = self._turns
        assert turns is not None  # set up
        if not turns.begin(self._pause_seconds):
            return
        try:
            yield from self._list(keyed[0], announced, young)
        finally:
            turns.end(self._pause_seconds)

    def _list(self, location: str, announced: Any, young: Any) -> Iterator[Arrival]:
        before = ListedBefore(
            set(_parted(b"".join(announced.read()))), set(_parted(young.read() or b"")), is_local(location)
        )
        is_whole = True
        try:
            for arrival in self._listed(location, self._wanted.outputs):
                if before.is_new(arrival):
                    yield arrival
        except TonearmError as error:
            is_whole = False
            Metrics.counter(NAMESPACE, "listings_broken_off").inc()
            _logger.warning("%s (this stream lists it again)", error)
        if is_whole and before.is_mostly_gone:
            announced.clear()
            announced.add(b"".join(sorted(before.announced & before.found)))
        elif before.found_new:
            announced.add(b"".join(before.found_new))
        if before.may_grow and (before.found_young or before.young):
            young.write(b"".join(sorted(before.found_young)))

    def _listed(self, location: str, outputs: Sequence[str]) -> Iterator[Arrival]:
        arrivals = without_repeats(announced_at(location, outputs, self._kind), _say_nothing)
        return (each for each in looked_up(arrivals) if reason_to_leave_out(each, self._wanted) is None)


def _say_nothing(reason: SkipReason) -> None:
    """What is left out would be counted by every listing anew."""


def _parted(digests: bytes) -> Iterable[bytes]:
    return (digests[at : at + _DIGEST_BYTES] for at in range(0, len(digests), _DIGEST_BYTES))


def _digest(track: Track) -> bytes:
    named = f"{track.track_id}\0{track.uri}\0{track.generation}"
    return hashlib.blake2b(named.encode(errors="surrogateescape"), digest_size=_DIGEST_BYTES).digest()
