"""Announcements from listings: a folder or prefix listed again and again, or swept once."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from queue import Empty, Full, Queue

from tonearm.errors import TonearmError, WrongCallError
from tonearm.pipelines.arrivals.contract import Delivery
from tonearm.pipelines.arrivals.listing_memory import ListingMemory, Novelty
from tonearm.pipelines.arrivals.outage import Outage
from tonearm.transforms.elements.arrival import Arrival
from tonearm.transforms.elements.failure import Failure
from tonearm.transforms.elements.input_kind import InputKind
from tonearm.transforms.sources.listing import InputError, arrivals_at, require_usable
from tonearm.transforms.sources.pending import SkipReason, without_repeats
from tonearm.transforms.storage.schemes import is_local
from tonearm.transforms.storage.signed_url import location_of

_HELD = 1000
"""How many found objects wait to be taken at most; beyond that the listing waits, so memory does not grow."""

_LOOK_UP_SECONDS = 0.5
"""How soon a listing that waits for room notices that it is to end."""


@dataclass(frozen=True, slots=True)
class _Find:
    arrival: Arrival
    novelty: Novelty
    found_at: float


class ListingDeliveries:
    """Lists a folder or prefix and announces what it has not announced before.

    Listings are made by a thread of their own. A poll takes what they have found and never waits for the
    storage, which may be slow or hang: tracks that were found are worked in time, and a stop works at once.

    A listing that breaks off is warned of and made anew. Only an input that never could be listed, as it is
    not there or closed to this account, ends the stream.

    Args:
        location: Folder, prefix or glob.
        pause_seconds: Time from the beginning of one listing to that of the next, if it ended by then.
        outputs: Where tables are written: if they lie in the location, they are not listed.
        kind: What tracks come as; see ``arrivals_at``.
        once: True to end with the first whole listing, and to take files as they are.
    """

    def __init__(
        self,
        location: str,
        pause_seconds: float,
        outputs: Sequence[str] = (),
        *,
        kind: InputKind = InputKind.AUDIO,
        once: bool = False,
    ) -> None:
        self._location = location
        self._kind = kind
        self._outputs = outputs
        self._pause_seconds = pause_seconds
        self._once = once
        self._memory = ListingMemory(may_grow=not once and is_local(location))
        self._finds: Queue[_Find] = Queue(_HELD)
        self._outage = Outage()
        self._has_answered = False
        self._refusal: WrongCallError | None = None
        self._ending = threading.Event()
        # A daemon, as a request that hangs must not keep the command from ending.
        threading.Thread(target=self._list_again_and_again, name="listing", daemon=True).start()

    def poll(self, count: int, wait_seconds: float) -> list[Delivery]:
        """See :class:`DeliverySource`.

        Raises:
            WrongCallError: The input is not there or closed to this account, and was so from the start.
        """
        if self._refusal:
            raise self._refusal
        finds = []
        try:
            finds.append(self._finds.get(timeout=max(wait_seconds, 1e-3)))
            while len(finds) < count:
                finds.append(self._finds.get_nowait())
        except Empty:
            pass  # no more are waiting
        now = time.monotonic()
        return [
            Delivery(find.arrival, age_seconds=now - find.found_at, again=find.novelty is Novelty.AGAIN)
            for find in finds
        ]

    def acknowledge(self, receipts: Sequence[str]) -> None:
        """See :class:`DeliverySource`; a listing wants no answer."""

    def note_failures(self, failures: Sequence[Failure]) -> None:
        """See :class:`DeliverySource`; a listing that is made again announces them again."""
        self._memory.note_failures(failures)

    def close(self) -> None:
        """End the listing; a request that hangs is not waited for."""
        self._ending.set()

    def _list_again_and_again(self) -> None:
        while not self._ending.is_set():
            next_at = time.monotonic() + self._pause_seconds
            is_whole = self._list()
            self._memory.end_listing(whole=is_whole)
            if is_whole and self._once:
                return
            self._ending.wait(max(0.0, next_at - time.monotonic()))

    def _list(self) -> bool:
        """Make one listing; True if it came to its end."""
        try:
            require_usable(self._location)
            arrivals = arrivals_at(self._location, self._outputs, self._kind)
            for arrival in without_repeats(arrivals, _say_nothing):
                self._has_answered = True
                self._announce(arrival)
                if self._ending.is_set():
                    return False
        except WrongCallError as error:
            if not self._has_answered and not (isinstance(error, InputError) and error.may_pass):
                self._refusal = error
                self._ending.set()
            else:
                self._outage.note(f"{error} (this stream lists it every {self._pause_seconds:g} s)")
            return False
        except TonearmError as error:
            self._outage.note(f"{error} (this stream lists it every {self._pause_seconds:g} s)")
            return False
        except Exception as error:  # whatever it is, the next listing may succeed
            shown = location_of(self._location)
            self._outage.note(f"the listing of {shown} broke off ({type(error).__name__}); it is made again")
            return False
        self._has_answered = True
        self._outage.over()
        return True

    def _announce(self, arrival: Arrival) -> None:
        novelty = self._memory.novelty(arrival)
        if novelty is Novelty.KNOWN:
            return
        find = _Find(arrival, novelty, time.monotonic())
        while not self._ending.is_set():
            try:
                return self._finds.put(find, timeout=_LOOK_UP_SECONDS)
            except Full:
                continue  # the workers have to catch up


def _say_nothing(reason: SkipReason) -> None:
    """A row that stands twice in a manifest would be counted by every listing anew."""
