"""Stored files of spectrograms, read where they lie: what is wanted of one is fetched, and no more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import Stage, TrackError
from tonearm.transforms.elements.track import SpectrogramPlace
from tonearm.transforms.spectrograms.forms import FORMS, form_of
from tonearm.transforms.spectrograms.isolation.isolated_file import (
    read_headings_isolated,
    read_record_isolated,
)
from tonearm.transforms.spectrograms.read_errors import not_spectrogram, unreadable
from tonearm.transforms.spectrograms.record import SpectrogramRecord, TrackHeading
from tonearm.transforms.storage.contract import StorageError, StoredObject, changed
from tonearm.transforms.storage.fetch import fetch_error
from tonearm.transforms.storage.objects import opened_version
from tonearm.transforms.storage.schemes import look_up

_BUFFER_BYTES = 1 << 14
"""What one request fetches at least: the keys of a track lie in a kilobyte, its patches in megabytes."""

_HEAD_BYTES = 16
_ENDINGS = tuple(form.ending for form in FORMS)


def read_record(place: SpectrogramPlace) -> SpectrogramRecord:
    """One track of a file.

    Raises:
        TrackError: It cannot be fetched, or is none.
    """
    with _opened(place) as file:
        return read_record_isolated(file, place.place)


def read_headings(place: SpectrogramPlace) -> list[TrackHeading | TrackError]:
    """What a file tells of its tracks; see :meth:`SpectrogramForm.headings`.

    Raises:
        TrackError: It cannot be fetched, or not read; ``not_spectrogram`` if it surely is something else.
    """
    with _opened(place) as file:
        _require_form(place.uri, file.read(_HEAD_BYTES))
        return read_headings_isolated(file)


def _require_form(uri: str, head: bytes) -> None:
    """Refuse what begins as none of the forms: another file, unless its name says that it was one of them."""
    if not head:
        raise TrackError(Stage.FETCH, ErrorWord.EMPTY, "the file holds no bytes")
    if form_of(head) is not None:
        return
    if uri.lower().endswith(_ENDINGS):
        raise unreadable("the file does not begin as its ending says: it is damaged, or something else")
    raise not_spectrogram("the file begins as none of them")


@contextmanager
def _opened(place: SpectrogramPlace) -> Iterator[BinaryIO]:
    try:
        with opened_version(_announced(place), _BUFFER_BYTES) as file:
            yield file
    except StorageError as error:
        raise fetch_error(error) from error


def _announced(place: SpectrogramPlace) -> StoredObject:
    """The file as it was announced; its size is asked for where that was not told."""
    if place.size_bytes is not None:
        return StoredObject(place.uri, place.generation, place.size_bytes)
    found = look_up(place.uri)
    if found.generation != place.generation:
        raise changed()
    return found
