"""Files of spectrograms, read in a process of its own: bytes of strangers cost their own tracks at most.

A file of a few kilobytes can unpack to gigabytes, whatever it says about itself, and a library in C can be
made to crash. So it is read as audio is decoded, in a process that may take one GiB, has no credentials and
is replaced when it dies. It asks the worker for the bytes that it wants.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO

from tonearm.transforms.audio.isolation.decoder_process import DecoderProcess
from tonearm.transforms.audio.isolation.isolated_reader import STALL_LIMIT_S
from tonearm.transforms.audio.isolation.messages import Kind, Message, ProtocolError, unpacked_error
from tonearm.transforms.audio.isolation.process_pool import pool_of
from tonearm.transforms.elements.failure import TrackError
from tonearm.transforms.spectrograms.isolation.answers import HEADINGS, headings_in, record_in
from tonearm.transforms.spectrograms.isolation.file_of_worker import answer_reads
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
        with _served(file) as reads:
            process.decode(reads.fileno(), asked)
            answer = _received(process)
            at_rest = True
            if isinstance(answer, TrackError):
                raise answer
            return answer
    finally:
        pool.give_back(process, at_rest=at_rest)


def _received(process: DecoderProcess) -> list[bytes] | TrackError:
    """The parts of an answer, or the error that is the answer; the process is at rest then."""
    kind, content = process.receive(STALL_LIMIT_S)
    if kind is Kind.FAILED:
        return unpacked_error(content)
    lengths = _expected(Kind.OPENED, (kind, content))["lengths"]
    if sum(lengths) > _MOST_ANSWER_BYTES:
        raise ProtocolError(f"an answer of {sum(lengths)} bytes")
    parts = []
    for length in lengths:
        part = bytearray()
        while len(part) < length:
            part += _expected(Kind.SAMPLES, process.receive(STALL_LIMIT_S)).tobytes()
        parts.append(bytes(part[:length]))
    _expected(Kind.DONE, process.receive(STALL_LIMIT_S))
    return parts


def _expected(expected: Kind, message: Message) -> Any:
    kind, content = message
    if kind is not expected:
        raise ProtocolError(f"{kind.name} came out of turn")
    return content


@contextmanager
def _served(file: BinaryIO) -> Iterator[socket.socket]:
    """A socket by which the process reads the file, for as long as the block lasts."""
    ours, theirs = socket.socketpair()
    for each in (ours, theirs):
        each.setblocking(True)  # Beam's cloud clients set a default timeout for all sockets of the program
    failed: list[Exception] = []

    def serve() -> None:
        try:
            answer_reads(file, ours)
        except ConnectionError:
            pass  # the process is done, or dead
        except Exception as error:
            failed.append(error)
        finally:
            ours.close()

    thread = threading.Thread(target=serve, name="reads of spectrograms", daemon=True)
    thread.start()
    try:
        yield theirs
    finally:
        theirs.close()
        with suppress(OSError):  # closed by the thread, as the process has closed its side
            ours.shutdown(socket.SHUT_RDWR)
        thread.join()
        if failed:  # what the process then said of the file is not to blame
            raise failed[0]
