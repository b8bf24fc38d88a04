"""Announced files of spectrograms to deliveries of their tracks; a file is acknowledged when all are done."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from queue import Empty, Full, Queue

from tonearm.pipelines.arrivals.contract import Delivery, DeliverySource
from tonearm.transforms.elements.arrival import Arrival, track_of
from tonearm.transforms.elements.failure import Failure
from tonearm.transforms.elements.track import Track
from tonearm.transforms.sources.object_filter import ObjectFilter
from tonearm.transforms.sources.pending import SkipReason, reason_to_leave_out
from tonearm.transforms.sources.spectrogram_files import FILES_AT_ONCE, NoSpectrogramError, tracks_in

_HELD = 1000
"""How many tracks wait to be taken at most; beyond that no further file is looked into."""

_LOOK_UP_SECONDS = 0.5
"""How soon the thread that looks into files notices that it is to end."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    delivery: Delivery
    since: float


class SpectrogramFileDeliveries:
    """Looks into the files that another source announces, and delivers each of their tracks by itself.

    Files are looked into by threads of their own, so a poll never waits for the storage.

    Args:
        files: What announces files.
        wanted: Which files to take; others are passed on as they are, for the stream to leave out and count.
        on_skip: Told of every file that is something else.
    """

    def __init__(
        self, files: DeliverySource, wanted: ObjectFilter, on_skip: Callable[[SkipReason], None]
    ) -> None:
        self._files = files
        self._wanted = wanted
        self._on_skip = on_skip
        self._ready: Queue[_Waiting] = Queue(_HELD)
        self._receipt_of: dict[str, str] = {}
        self._unfinished: dict[str, int] = {}
        self._failed: defaultdict[Hashable, set[Hashable]] = defaultdict(set)
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._error: Exception | None = None
        self._pool = ThreadPoolExecutor(FILES_AT_ONCE, thread_name_prefix="look into")
        threading.Thread(target=self._look_into_files, name="spectrogram files", daemon=True).start()

    def poll(self, count: int, wait_seconds: float) -> list[Delivery]:
        """See :class:`DeliverySource`.

        Raises:
            Exception: What the source of the files raised, once the tracks before it are handed out.
        """
        waiting = []
        try:
            waiting.append(self._ready.get(timeout=max(wait_seconds, 1e-3)))
            while len(waiting) < count:
                waiting.append(self._ready.get_nowait())
        except Empty:
            if not waiting and self._error:
                raise self._error from None
        now = time.monotonic()
        return [
            replace(each.delivery, age_seconds=each.delivery.age_seconds + now - each.since)
            for each in waiting
        ]

    def acknowledge(self, receipts: Sequence[str]) -> None:
        """See :class:`DeliverySource`; a file's own receipt goes on when all of its tracks are done."""
        finished = []
        with self._lock:
            for receipt in receipts:
                of_file = self._receipt_of.pop(receipt)
                self._unfinished[of_file] -= 1
                if not self._unfinished[of_file]:
                    del self._unfinished[of_file]
                    finished.append(of_file)
        if finished:
            self._files.acknowledge(finished)

    def note_failures(self, failures: Sequence[Failure]) -> None:
        """See :class:`DeliverySource`; a file that is announced again brings only these tracks again."""
        of_files = []
        with self._lock:
            for failure in failures:
                if place := failure.track.spectrogram:
                    file = Track(failure.track.track_id, place.uri, place.generation)
                    self._failed[_file_key(file)].add(_key(failure.track))
                    of_files.append(replace(failure, track=file))
        self._files.note_failures(of_files)

    def close(self) -> None:
        """See :class:`DeliverySource`; a request that hangs is not waited for."""
        self._ending.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._files.close()

    def _look_into_files(self) -> None:
        try:
            while not self._ending.is_set():
                files = self._files.poll(FILES_AT_ONCE, _LOOK_UP_SECONDS)
                for file, tracks in zip(files, self._pool.map(self._tracks_of, files), strict=True):
                    self._announce(file, tracks)
        except Exception as error:
            if not self._ending.is_set():
                self._error = error

    def _tracks_of(self, file: Delivery) -> list[Arrival] | None:
        if reason_to_leave_out(file.arrival, self._wanted):
            return [file.arrival]
        try:
            return tracks_in(file.arrival)
        except NoSpectrogramError:
            return None

    def _announce(self, file: Delivery, tracks: list[Arrival] | None) -> None:
        if tracks is None:
            self._on_skip(SkipReason.NOT_SPECTROGRAM)
        if not tracks:
            if file.receipt:
                self._files.acknowledge([file.receipt])
            return
        again = self._failed_of(file, tracks)
        if again:
            tracks = [arrival for arrival in tracks if _key(track_of(arrival)) in again]
        for arrival, receipt in zip(tracks, self._receipts(file, len(tracks)), strict=True):
            self._put(replace(file, arrival=arrival, receipt=receipt, again=bool(again)))

    def _failed_of(self, file: Delivery, tracks: list[Arrival]) -> set[Hashable]:
        """Those of a file's tracks for which it is announced again; none if it is not, or as a whole."""
        if not file.again:
            return set()
        with self._lock:
            failed = self._failed.pop(_file_key(track_of(file.arrival)), set())
        return failed & {_key(track_of(arrival)) for arrival in tracks}

    def _receipts(self, file: Delivery, count: int) -> list[str | None]:
        if not file.receipt:
            return [None] * count
        receipts = [f"{file.receipt} {number}" for number in range(count)]
        with self._lock:
            self._receipt_of |= dict.fromkeys(receipts, file.receipt)
            self._unfinished[file.receipt] = count
        return list(receipts)

    def _put(self, delivery: Delivery) -> None:
        waiting = _Waiting(delivery, time.monotonic())
        while not self._ending.is_set():
            try:
                return self._ready.put(waiting, timeout=_LOOK_UP_SECONDS)
            except Full:
                continue  # the workers have to catch up


def _file_key(track: Track) -> Hashable:
    return track.uri, track.generation


def _key(track: Track) -> Hashable:
    return track.track_id, track.generation
