"""From announced files to the tracks whose spectrograms they hold: one file may hold many."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import apache_beam as beam

from tonearm.transforms.elements.arrival import Arrival, track_of
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import Failure, Stage, TrackError, failing_at
from tonearm.transforms.elements.track import SpectrogramPlace, Track
from tonearm.transforms.sources.listing import with_generation
from tonearm.transforms.sources.pending import SkipReason, count_skip
from tonearm.transforms.spectrograms.intake.stored_file import read_headings
from tonearm.transforms.spectrograms.record import TrackHeading
from tonearm.transforms.tables.parquet.commit import STAGING

FILES_AT_ONCE = 4
"""Files that are looked into side by side, as a store takes 30 ms a request; each takes a process."""


class NoSpectrogramError(Exception):
    """A listing came upon a file that is surely no spectrogram: it is counted, and no failure."""


def tracks_in(announced: Arrival) -> list[Arrival]:
    """The tracks of a file that a source announced.

    Returns:
        A track for each spectrogram in it, with the keys that its record has; a failure for each of which
        the file does not tell so much. One failure if the file cannot be read at all.

    Raises:
        NoSpectrogramError: A listing came upon the file, and it surely is none.
    """
    announced = with_generation(announced)
    track = track_of(announced)
    place = SpectrogramPlace(track.uri, track.generation, track.size_bytes)
    file = replace(track, spectrogram=place) if track.uri else track
    if isinstance(announced, Failure):
        return [replace(announced, track=file)]
    if not track.named and f"/{STAGING}/" in track.uri:
        raise NoSpectrogramError("a run has not committed the file yet")
    try:
        with failing_at(Stage.FETCH):
            return [_arrival(file, place, number, told) for number, told in enumerate(read_headings(place))]
    except TrackError as error:
        if error.error is ErrorWord.NOT_SPECTROGRAM and not track.named:
            raise NoSpectrogramError(error.message) from error
        return [Failure.of(file, error)]


def _arrival(file: Track, place: SpectrogramPlace, number: int, told: TrackHeading | TrackError) -> Arrival:
    if isinstance(told, TrackError):
        nameless = replace(
            file, track_id=f"{file.track_id}:{number}", spectrogram=replace(place, place=number)
        )
        return Failure.of(nameless, told)
    return Track(
        track_id=told.track_id,
        uri=told.uri or place.uri,
        generation=told.generation,
        metadata={**told.metadata, **file.metadata},
        named=file.named,
        spectrogram=replace(place, place=told.place),
    )


def in_spectrogram_files(
    announced: Iterable[Arrival], on_skip: Callable[[SkipReason], None]
) -> Iterator[Arrival]:
    """The tracks of all announced files, in order; several files are looked into ahead, side by side.

    Args:
        announced: Files, and failures.
        on_skip: Told of every file that is something else.
    """
    pool = ThreadPoolExecutor(FILES_AT_ONCE, thread_name_prefix="look into")
    waiting: deque[Future[list[Arrival] | None]] = deque()
    try:
        for arrival in announced:
            waiting.append(pool.submit(_tracks_or_none, arrival))
            if len(waiting) > FILES_AT_ONCE:
                yield from _counted(waiting.popleft().result(), on_skip)
        while waiting:
            yield from _counted(waiting.popleft().result(), on_skip)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _tracks_or_none(arrival: Arrival) -> list[Arrival] | None:
    try:
        return tracks_in(arrival)
    except NoSpectrogramError:
        return None


def _counted(tracks: list[Arrival] | None, on_skip: Callable[[SkipReason], None]) -> list[Arrival]:
    if tracks is None:
        on_skip(SkipReason.NOT_SPECTROGRAM)
    return tracks or []


class LookIntoFiles(beam.DoFn):  # type: ignore[misc]
    """The tracks of announced files, on a cluster's workers."""

    def process(self, announced: Arrival) -> Iterator[Arrival]:
        """Pass on the tracks of one file."""
        yield from _counted(_tracks_or_none(announced), count_skip)


class OnceEach(beam.PTransform):  # type: ignore[misc]
    """Tracks of all files, each spectrogram once, spread over a cluster's workers."""

    def expand(self, tracks: beam.PCollection[Arrival]) -> beam.PCollection[Arrival]:
        """Return the first of those with one key; the others are counted."""
        return (
            tracks
            | "By key" >> beam.Map(_keyed).with_output_types(tuple[str, Arrival])
            | "Group" >> beam.GroupByKey()
            | "First" >> beam.FlatMap(_first).with_output_types(Arrival)
        )


def _keyed(arrival: Arrival) -> tuple[str, Arrival]:
    track = track_of(arrival)
    is_file = isinstance(arrival, Failure)
    return json.dumps([track.track_id, track.generation, track.read_from if is_file else ""]), arrival


def _first(group: tuple[str, Iterable[Arrival]]) -> Iterator[Arrival]:
    same = sorted(group[1], key=_order)
    yield same[0]
    for _ in same[1:]:
        count_skip(SkipReason.REPEATED_SPECTROGRAM)


def _order(arrival: Arrival) -> tuple[str, int]:
    place = track_of(arrival).spectrogram
    return (place.uri, place.place) if place else ("", 0)
