"""What the process that reads files of spectrograms is asked, and how it packs what it found.

An answer travels as ``parts.py`` says. Nothing is pickled.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import numpy as np

from tonearm.transforms.audio.isolation.messages import packed_error, unpacked_error
from tonearm.transforms.elements.failure import TrackError
from tonearm.transforms.spectrograms.isolation.parts import send_parts
from tonearm.transforms.spectrograms.keys import record_from, values_of
from tonearm.transforms.spectrograms.record import SpectrogramRecord, TrackHeading

HEADINGS = 0xFFFFFFFF
"""Asks for the headings; any other number is the place of the track that is asked for."""

_ARRAYS = ("starts_s", "patches")


def send_record(connection: socket.socket, record: SpectrogramRecord) -> None:
    """Answer with a record."""
    values = values_of(record)
    arrays = {name: np.ascontiguousarray(values.pop(name)) for name in _ARRAYS}
    shapes = {name: (array.dtype.str, array.shape) for name, array in arrays.items()}
    send_parts(
        connection, {"values": values, "shapes": shapes}, [array.tobytes() for array in arrays.values()]
    )


def record_in(told: dict[str, Any], parts: list[bytes]) -> SpectrogramRecord:
    """The record that :func:`send_record` sent.

    Raises:
        TrackError: It is none.
    """
    arrays = {
        name: np.frombuffer(part, np.dtype(told["shapes"][name][0])).reshape(told["shapes"][name][1])
        for name, part in zip(_ARRAYS, parts, strict=True)
    }
    return record_from(told["values"] | arrays)


def send_headings(connection: socket.socket, headings: Iterable[TrackHeading | TrackError]) -> None:
    """Answer with headings, each told of or the error why it cannot be."""
    told = [packed_error(each) if isinstance(each, TrackError) else asdict(each) for each in headings]
    send_parts(connection, told, [])


def headings_in(told: list[dict[str, Any]]) -> list[TrackHeading | TrackError]:
    """The headings that :func:`send_headings` sent."""
    return [unpacked_error(each) if "error" in each else TrackHeading(**each) for each in told]
