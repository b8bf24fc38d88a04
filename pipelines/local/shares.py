"""Shares: the tracks of one pipeline, which takes one after the other from what all workers draw on.

No worker is given its tracks beforehand. Each pipeline takes its next track when it is done with the one
before, so that workers end together however long each track turns out to be.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import apache_beam as beam

from tonearm.pipelines.runs.defaults import WAVE_TRACKS
from tonearm.transforms.elements.arrival import Arrival
from tonearm.transforms.elements.decoder_choice import DecoderChoice
from tonearm.transforms.elements.failure import Failure


@dataclass(frozen=True, slots=True)
class SharePlan:
    """How many tracks are in flight, and how they are cut into shares.

    Attributes:
        workers: Threads, each with a pipeline of its own.
        wave_tracks: Tracks in flight at most; a kill costs no more than these, nor more than each worker's
            work of ``SHARE_SECONDS``.
        decoder: Which libraries decode: their processes are started before the first track comes.
    """

    workers: int
    wave_tracks: int
    decoder: DecoderChoice = DecoderChoice.FFMPEG_AND_LIBSNDFILE

    @classmethod
    def of(cls, workers: int, wave_tracks: int | None, decoder: DecoderChoice) -> SharePlan:
        """The plan of a run: never more workers than tracks may be in flight.

        Args:
            workers: How many workers there may be.
            wave_tracks: Tracks in flight at most; None for as many as are usual, or one for each worker.
            decoder: Which libraries decode.

        Example:
            >>> plan = SharePlan.of(8, 2, DecoderChoice.FFMPEG_AND_LIBSNDFILE)
            >>> plan.workers, plan.wave_tracks
            (2, 2)
        """
        most = max(WAVE_TRACKS, workers) if wave_tracks is None else wave_tracks
        return cls(min(workers, most), most, decoder)

    @property
    def share_tracks(self) -> int:
        """Tracks of one share at most."""
        return max(1, self.wave_tracks // self.workers)


class TrackSource(Protocol):
    """Where a run's tracks come from; several workers may take from it at once."""

    def first(self) -> Arrival | None:
        """A track to begin a share with; waits for one, and None ends the run. One worker at a time asks."""

    def further(self) -> Arrival | None:
        """Another track that waits to be worked; None if there is none now."""

    def note_committed(self, tracks: Sequence[Arrival], failures: Sequence[Failure]) -> None:
        """Learn that tracks are in the tables: what announced them may be acknowledged.

        Args:
            tracks: The tracks, however they ended.
            failures: Those of them that failed in a way that may pass.
        """

    def stop(self) -> None:
        """Hand out nothing further; a call that waits for a track returns None."""


class Share:
    """Tracks to be worked by one pipeline and committed together; to be iterated once.

    It closes when it is full or has been open long enough, whichever comes first.

    Attributes:
        commit_id: What the commit is called.
        tracks: What was taken so far.
        failures: Those of them that failed in a way that may pass.
    """

    def __init__(
        self, commit_id: str, first: Arrival, source: TrackSource, most_tracks: int, open_seconds: float
    ) -> None:
        self.commit_id = commit_id
        self.tracks = [first]
        self.failures: list[Failure] = []
        self._source = source
        self._most_tracks = most_tracks
        self._closes_at = time.monotonic() + open_seconds

    def __iter__(self) -> Iterator[Arrival]:
        yield self.tracks[0]
        while self._is_open() and (track := self._source.further()) is not None:
            self.tracks.append(track)
            yield track

    def _is_open(self) -> bool:
        return len(self.tracks) < self._most_tracks and time.monotonic() < self._closes_at


_dealt: dict[str, Share] = {}
"""The shares in work, by commit_id.

Beam pickles a pipeline even where it runs in the same process, and a share cannot be pickled: it asks the one
source that all workers draw on, which holds locks and a listing under way. So the graph carries the
commit_id, and its steps look the share up here. Beam has no way of its own to hand a live object to a step.
"""


@contextmanager
def dealt(share: Share) -> Iterator[beam.PTransform]:
    """A source for a pipeline in this process that takes the share's tracks as it comes to them."""
    _dealt[share.commit_id] = share
    try:
        yield beam.Impulse() | beam.ParDo(_Deal(share.commit_id))
    finally:
        del _dealt[share.commit_id]


@dataclass(frozen=True, slots=True)
class NotedFailures:
    """Tells a share which of its tracks failed in a way that may pass; crosses pickling as ``dealt`` does."""

    commit_id: str

    def __call__(self, failure: Failure) -> None:
        """Note a failure."""
        if failure.retriable:
            _dealt[self.commit_id].failures.append(failure)


class _Deal(beam.DoFn):  # type: ignore[misc]
    def __init__(self, commit_id: str) -> None:
        self._commit_id = commit_id

    def process(self, impulse: bytes) -> Iterator[Arrival]:
        yield from _dealt[self._commit_id]
