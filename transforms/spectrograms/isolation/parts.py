"""An answer of a process that reads a file: a value that JSON can tell, and parts of bytes.

It travels by the messages of ``audio/isolation/messages.py``: OPENED with the lengths of what follows, pieces
of bytes, DONE; or FAILED. Nothing is pickled.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from typing import Any

import numpy as np

from tonearm.transforms.audio.isolation.decoder_process import DecoderProcess
from tonearm.transforms.audio.isolation.isolated_reader import STALL_LIMIT_S
from tonearm.transforms.audio.isolation.messages import (
    Kind,
    Message,
    ProtocolError,
    send,
    send_samples,
    unpacked_error,
)
from tonearm.transforms.elements.failure import TrackError


def send_parts(connection: socket.socket, told: Any, parts: Sequence[bytes] = ()) -> None:
    """Answer with a value and parts of bytes; its texts may hold names of files in any encoding."""
    text = json.dumps(told, ensure_ascii=False).encode("utf-8", "surrogatepass")
    send(connection, Kind.OPENED, {"lengths": [len(text), *map(len, parts)]})
    for part in (text, *parts):
        padded = part + bytes(-len(part) % 4)  # messages carry whole float32
        send_samples(connection, np.frombuffer(padded, np.float32))
    send(connection, Kind.DONE)


def received_parts(
    process: DecoderProcess, most_bytes: int, stall_limit_s: float = STALL_LIMIT_S
) -> list[bytes] | TrackError:
    """The value, as JSON, and the parts; or the error that is the answer. The process is at rest then.

    Args:
        process: Who answers.
        most_bytes: What the answer may take.
        stall_limit_s: Seconds that it may be silent.

    Raises:
        TrackError: It died, or was silent for too long.
        ProtocolError: It says what it never would if it were well.
    """
    kind, content = process.receive(stall_limit_s)
    if kind is Kind.FAILED:
        return unpacked_error(content)
    lengths = _expected(Kind.OPENED, (kind, content))["lengths"]
    if sum(lengths) > most_bytes:
        raise ProtocolError(f"an answer of {sum(lengths)} bytes")
    parts = []
    for length in lengths:
        part = bytearray()
        while len(part) < length:
            part += _expected(Kind.SAMPLES, process.receive(stall_limit_s)).tobytes()
        parts.append(bytes(part[:length]))
    _expected(Kind.DONE, process.receive(stall_limit_s))
    return parts


def _expected(expected: Kind, message: Message) -> Any:
    kind, content = message
    if kind is not expected:
        raise ProtocolError(f"{kind.name} came out of turn")
    return content
