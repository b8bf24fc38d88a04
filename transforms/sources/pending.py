"""What is left to do: announced tracks without those that the tables hold already."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from enum import StrEnum
from functools import partial

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.utils.shared import Shared

from tonearm.errors import TonearmError
from tonearm.transforms.elements.arrival import Arrival, track_of
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import Failure, Stage, TrackError
from tonearm.transforms.elements.further_taggers import Canary
from tonearm.transforms.elements.input_kind import InputKind
from tonearm.transforms.elements.stage_times import NAMESPACE
from tonearm.transforms.elements.track import SpectrogramPlace, Track
from tonearm.transforms.sources.listing import looked_up, tracks_of, with_generation
from tonearm.transforms.sources.object_filter import ObjectFilter, is_upload_part
from tonearm.transforms.tables.ledger import Ledger
from tonearm.transforms.tables.sink import count_rows
from tonearm.transforms.tagging.bundle_root import identities_in
from tonearm.transforms.tagging.counting import FAILED_AS

_logger = logging.getLogger(__name__)


class SkipReason(StrEnum):
    """Why a track is seen and not worked."""

    ALREADY_TAGGED = "already tagged"
    FAILED_FOR_GOOD = "failed before and unchanged"
    REPEATED_ROW = "repeated in the manifest"
    ANNOUNCED_AGAIN = "announced again"
    LEFT_OUT = "left out by --prefix or --suffix"
    IN_OUTPUT = "file of the tables"
    UPLOAD_PART = "part of a composite upload"
    NOT_AUDIO = "not audio"
    NOT_SPECTROGRAM = "not a spectrogram"
    REPEATED_SPECTROGRAM = "repeated in another spectrogram file"


def pending_tracks(
    announced: Iterable[Arrival],
    ledger: Ledger | None,
    on_skip: Callable[[SkipReason], None],
) -> Iterator[Arrival]:
    """Pass on what has to be worked.

    Args:
        announced: Tracks and failures from a source; tracks that have no generation yet are looked up.
        ledger: What is done; None to do everything again.
        on_skip: Told of every track that is left out, so that counts reconcile.

    Yields:
        Tracks with their past failures noted, and failures that the source knows already.
    """
    for element in looked_up(distinct_arrivals(announced, on_skip)):
        yield from _unless_done(element, ledger, on_skip)


def _unless_done(
    element: Arrival, ledger: Ledger | None, on_skip: Callable[[SkipReason], None]
) -> Iterator[Arrival]:
    if reason := reason_to_skip(element, ledger):
        on_skip(reason)
    else:
        yield with_past_failures(element, ledger)


def distinct_arrivals(
    announced: Iterable[Arrival], on_skip: Callable[[SkipReason], None]
) -> Iterator[Arrival]:
    """Pass on each track once, and no parts of uploads; see :func:`without_repeats`."""
    for element in without_repeats(announced, on_skip):
        if reason := reason_to_leave_out(element, ObjectFilter()):
            on_skip(reason)
        else:
            yield element


def without_repeats(announced: Iterable[Arrival], on_skip: Callable[[SkipReason], None]) -> Iterator[Arrival]:
    """Pass on each track once.

    The second of two rows with one ``track_id`` is skipped if it names the same object, else it is a failure.
    """
    first_seen = _FirstSeen()
    for element in announced:
        track = track_of(element)
        match first_seen.clash(track):
            case SkipReason() as repeated:
                on_skip(repeated)
            case TrackError() as clash:
                yield Failure.of(track, clash)
            case None:
                yield element


class ListArrivals(beam.DoFn):  # type: ignore[misc]
    """Lists an input on one of a cluster's workers; it asks for no object by itself.

    Args:
        outputs: Where tables are written: if they lie in the input, they are not listed.
        kind: What tracks come as; see ``arrivals_at``.
    """

    def __init__(self, outputs: Sequence[str], kind: InputKind = InputKind.AUDIO) -> None:
        self._outputs = tuple(outputs)
        self._kind = kind

    def process(self, location: str) -> Iterator[Arrival]:
        """Announce the tracks of one input.

        Raises:
            InputError: It names nothing where this worker runs, as a folder of another machine.
        """
        yield from distinct_arrivals(tracks_of(location, self._outputs, self._kind), count_skip)


class KeepPending(beam.DoFn):  # type: ignore[misc]
    """Looks up tracks on all of a cluster's workers, and passes on what is left to do.

    A cluster begins a job again whose worker died, with counters at zero, and finds in the tables what the
    job itself had written. Such tracks are left out too, and are counted as what became of them.

    Args:
        ledger_output: Output whose tables tell what is done.
        tagger: ``name@version`` of the rows that count as done.
        run_id: The run; None for a stream, whose cluster keeps its progress.
        retag: True to do everything again that the run itself has not done.
        root: The bundle root that a stream follows; empty if it follows none. Rows of whatever has been
            current in it count as done too, as a promotion by itself is no reason to tag a catalog anew.
        canary: What tags a share of the tracks in the tagger's place; None for nothing.
    """

    def __init__(
        self,
        ledger_output: str,
        tagger: str,
        run_id: str | None = None,
        *,
        retag: bool = False,
        root: str = "",
        canary: Canary | None = None,
    ) -> None:
        self._ledger_output = ledger_output
        self._tagger = tagger
        self._run_id = run_id
        self._retag = retag
        self._root = root
        self._canary = canary
        self._ledger: Ledger | None = None
        self._shared = Shared()

    def setup(self) -> None:
        """Read the tables, once for all threads of the process."""
        read = partial(
            Ledger.read, self._ledger_output, *self._taggers(), canary=self._canary, run_id=self._run_id
        )
        self._ledger = self._shared.acquire(read)

    def _taggers(self) -> list[str]:
        """The taggers whose rows count; a pointer that cannot be read is no reason to end a stream."""
        try:
            of_root = identities_in(self._root) if self._root else frozenset()
        except TonearmError as error:
            _logger.warning("only rows of %s count as done: %s", self._tagger, error)
            of_root = frozenset()
        return sorted({self._tagger} | of_root)

    def process(self, announced: Arrival) -> Iterator[Arrival]:
        """Pass on one arrival, unless the tables hold it."""
        arrival = with_generation(announced)
        assert self._ledger is not None  # set up
        if not _was_written_by_run(track_of(arrival), self._ledger):
            yield from _unless_done(arrival, None if self._retag else self._ledger, count_skip)


def _was_written_by_run(track: Track, ledger: Ledger) -> bool:
    """Whether the run itself has written a track's rows; if so, count them."""
    if ledger.is_tagged_by_run(track):
        Metrics.counter(NAMESPACE, "tagged").inc()
        count_rows({"track_tags": 1})
        return True
    if (word := ledger.failed_in_run(track)) is not None:
        Metrics.counter(NAMESPACE, "failed").inc()
        Metrics.counter(NAMESPACE, f"{FAILED_AS}{word}").inc()
        count_rows({"failures": 1})
        return True
    return False


def count_skip(reason: SkipReason) -> None:
    """Count a track that is left out on a cluster."""
    Metrics.counter(NAMESPACE, f"skipped_{reason.name}").inc()


class _FirstSeen:
    """Remembers which object each ``track_id`` named first."""

    def __init__(self) -> None:
        self._uri_of: dict[int, int] = {}

    def clash(self, track: Track) -> SkipReason | TrackError | None:
        if track.spectrogram:
            return self._repeated(track, track.spectrogram)
        if not track.named or not track.track_id:
            return None
        key, uri = hash(track.track_id), hash(track.uri)
        if key not in self._uri_of:
            self._uri_of[key] = uri
            return None
        if self._uri_of[key] == uri:
            return SkipReason.REPEATED_ROW
        return TrackError(
            Stage.SOURCE,
            ErrorWord.DUPLICATE_TRACK_ID,
            "an earlier row of the manifest has the same track_id and another uri",
        )

    def _repeated(self, track: Track, place: SpectrogramPlace) -> SkipReason | None:
        """The key of a spectrogram is its own: the same one may be in several files, or twice in one."""
        key, where = hash((track.track_id, track.generation)), hash(place)
        is_first = self._uri_of.setdefault(key, where) == where
        return None if is_first else SkipReason.REPEATED_SPECTROGRAM


def reason_to_skip(
    element: Arrival, ledger: Ledger | None, *, may_be_late: bool = False
) -> SkipReason | None:
    """Why an announcement needs no work; None if it does.

    Args:
        element: The announcement.
        ledger: What is done; None to do everything again.
        may_be_late: True of a message, which may be delivered again when its object has changed since. What a
            listing or a manifest names is so now, even if it was something else meanwhile.
    """
    if ledger is None:
        return None
    track = track_of(element)
    may_be_late |= track.spectrogram is not None  # its file says what the audio was, and not what it is
    if ledger.is_committed(track) or (may_be_late and ledger.was_replaced(track)):
        return SkipReason.ANNOUNCED_AGAIN
    if isinstance(element, Failure):
        known = element.kind in ledger.past_failures(element.track) and ledger.failed_for_good(element.track)
        return SkipReason.FAILED_FOR_GOOD if known and not element.retriable else None
    if ledger.is_tagged(element):
        return SkipReason.ALREADY_TAGGED
    return SkipReason.FAILED_FOR_GOOD if ledger.failed_for_good(element) else None


def reason_to_leave_out(element: Arrival, wanted: ObjectFilter) -> SkipReason | None:
    """Why an announcement is of no object that the run takes; None if it is.

    A message that names no object is a failure, and no filter can tell whether it was wanted.
    """
    track = track_of(element)
    uri = track.read_from
    if wanted.is_in_output(uri):
        return SkipReason.IN_OUTPUT
    if uri and not wanted.takes(uri):
        return SkipReason.LEFT_OUT
    return SkipReason.UPLOAD_PART if not track.named and is_upload_part(uri) else None


def with_past_failures(element: Arrival, ledger: Ledger | None) -> Arrival:
    """The announcement, its track with the failures noted that the tables hold already."""
    if ledger is None:
        return element
    if isinstance(element, Failure):
        return replace(element, track=_noted(element.track, ledger))
    return _noted(element, ledger)


def _noted(track: Track, ledger: Ledger) -> Track:
    return replace(track, past_failures=ledger.past_failures(track))
