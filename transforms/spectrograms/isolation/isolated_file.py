"""Files of spectrograms, read in a process of its own: bytes of strangers cost their own tracks at most.

A file of a few kilobytes can unpack to gigabytes, whatever it says about itself, and a library in C can be
made to crash. So it is read as audio is decoded, in a process that may take one GiB, has no credentials and
is replaced when it dies. It asks the worker for the bytes that it wants.
"""

from __future__ import annotations

import json
from typing import BinaryIO

from tonearm.transforms.audio.isolation.process_pool import pool_of
from tonearm.transforms.elements.failure import TrackError
from tonearm.transforms.spectrograms.isolation.answers import HEADINGS, headings_in, record_in
from tonearm.transforms.spectrograms.isolation.file_of_worker import served
from tonearm.transforms.spectrograms.isolation.parts import received_parts
from tonearm.transforms.spectrograms.read_errors import MOST_OTHER_BYTES, MOST_PATCH_BYTES
from tonearm.transforms.spectrograms.record import SpectrogramRecord, TrackHeading

_PROGRAM = ("tonearm.transforms.spectrograms.isolation.reader_main",)
_MOST_ANSWER_BYTES = 2 * (MOST_PATCH_BYTES + MOST_OTHER_BYTES)


def read_record_isolated(file: BinaryIO, place: int) -> SpectrogramRecord:
    """One track of a file of any form, as :meth:`SpectrogramForm.read`.

    Raises:
        TrackError: As there; ``decoder_died`` if the process did.
        StorageError: What reading the file raised.
    """
    told, *parts = _answer(file, place)
    return record_in(json.loads(told), parts)


def read_headings_isolated(file: BinaryIO) -> list[TrackHeading | TrackError]:
    """What a file of any form tells of its tracks, as :meth:`SpectrogramForm.headings`.

    Raises:
        TrackError: As :func:`read_record_isolated`.
        StorageError: What reading the file raised.
    """
    (told,) = _answer(file, HEADINGS)
    return headings_in(json.loads(told))


def _answer(file: BinaryIO, asked: int) -> list[bytes]:
    """The parts of the process's answer."""
    pool = pool_of(_PROGRAM)
    process = pool.borrow()
    at_rest = False
    try:
        with served(file) as reads:
            process.decode(reads.fileno(), asked)
            answer = received_parts(process, _MOST_ANSWER_BYTES)
            at_rest = True
            if isinstance(answer, TrackError):
                raise answer
            return answer
    finally:
        pool.give_back(process, at_rest=at_rest)
