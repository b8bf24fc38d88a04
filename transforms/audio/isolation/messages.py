"""What a worker, a thread of the run, and its decoder process say to each other over one Unix socket.

The worker sends a request: the rate it wants, and the open file as a passed descriptor. The process answers
with messages, each a kind, a length and as many bytes. Nothing is pickled: the process reads hostile bytes,
and what it says must not be able to run code in the worker.
"""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import Any

import numpy as np

from tonearm.transforms.audio.decoders.downmix import Samples
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import Stage, TrackError

PIECE_SAMPLES = 1 << 18
"""Samples in a message at most: 1 MiB, or 16 s."""

BUFFER_BYTES = 2 << 20
"""What may lie in the socket, so that decoding goes on while the worker transforms: 32 s at 16 kHz, or what
``net.core.wmem_max`` allows, which may be a tenth."""

_RATE = struct.Struct("<I")
_HEADER = struct.Struct("<BI")


class Kind(IntEnum):
    """What a message tells; the answer to a request is OPENED, SAMPLES… and DONE, or ends with FAILED."""

    READY = 0
    OPENED = 1
    SAMPLES = 2
    DONE = 3
    FAILED = 4


Message = tuple[Kind, Any]
"""A kind with its content: float32 ``[samples]`` with SAMPLES, a dictionary with all others."""


class ProtocolError(Exception):
    """The other side says what it never would if it were well."""


def send_file(connection: socket.socket, descriptor: int, rate_hz: int) -> None:
    """Ask for an open file's samples at a rate; the caller keeps its own descriptor."""
    socket.send_fds(connection, [_RATE.pack(rate_hz)], [descriptor])


def receive_file(connection: socket.socket) -> tuple[int, int] | None:
    """The next descriptor, which is the receiver's to close, and its rate; None if there will be no more."""
    try:
        body, descriptors, _, _ = socket.recv_fds(connection, _RATE.size, 1)
    except ConnectionResetError:  # closed by a worker that did not even read that this process is ready
        return None
    if not body:
        return None
    return descriptors[0], _RATE.unpack(body)[0]


def send(connection: socket.socket, kind: Kind, content: dict[str, Any] | None = None) -> None:
    """Send a message other than samples."""
    body = json.dumps(content or {}).encode()
    connection.sendall(_HEADER.pack(kind, len(body)) + body)


def gathered(blocks: Iterable[Samples]) -> Iterator[Samples]:
    """Gather blocks into messages of full length, so that the two processes seldom take turns on a core.

    >>> blocks = [np.zeros(100_000, np.float32)] * 3
    >>> [len(samples) for samples in gathered(blocks)]
    [200000, 100000]
    """
    waiting: list[Samples] = []
    for block in blocks:
        if waiting and sum(map(len, waiting)) + len(block) > PIECE_SAMPLES:
            yield np.concatenate(waiting)
            waiting = []
        waiting.append(block)
    if waiting:
        yield np.concatenate(waiting)


def send_samples(connection: socket.socket, samples: Samples) -> None:
    """Send samples, in several messages if they are many."""
    for start in range(0, len(samples), PIECE_SAMPLES):
        piece = np.ascontiguousarray(samples[start : start + PIECE_SAMPLES])
        connection.sendall(_HEADER.pack(Kind.SAMPLES, piece.nbytes))
        connection.sendall(piece.data)


def receive(connection: socket.socket) -> Message:
    """The next message.

    Raises:
        EOFError: The other side has closed the socket.
        OSError: The socket broke; TimeoutError if nothing came within its time limit.
        ProtocolError: What came is no message.
    """
    number, length = _HEADER.unpack(_received(connection, _HEADER.size))
    if length > 4 * PIECE_SAMPLES:
        raise ProtocolError(f"a message of {length} bytes")
    body = _received(connection, length)
    try:
        kind = Kind(number)
        return kind, np.frombuffer(body, np.float32) if kind is Kind.SAMPLES else json.loads(bytes(body))
    except ValueError as error:
        raise ProtocolError("a message that cannot be read") from error


def _received(connection: socket.socket, length: int) -> memoryview:
    buffer = left = np.empty(length, np.uint8).data  # a bytearray would be filled with zeros first
    while left:
        received = connection.recv_into(left)
        if not received:
            raise EOFError
        left = left[received:]
    return buffer


def packed_error(error: TrackError) -> dict[str, Any]:
    """An error as the content of FAILED."""
    return {
        "stage": error.stage,
        "error": error.error,
        "message": error.message,
        "retriable": error.retriable,
    }


def unpacked_error(content: dict[str, Any]) -> TrackError:
    """The error that :func:`packed_error` packed.

    Raises:
        ProtocolError: It is none.
    """
    try:
        stage, word = Stage(content["stage"]), ErrorWord(content["error"])
        return TrackError(stage, word, str(content["message"]), retriable=bool(content["retriable"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ProtocolError("an error that cannot be read") from error
