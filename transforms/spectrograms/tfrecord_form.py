"""A spectrogram as TFRecord of one ``tf.train.Example``: one track a file, one feature a key.

A record is its length (uint64), a checksum of the length, the message, and a checksum of the message, all
little-endian; the checksums are CRC-32C, rotated and added to (TensorFlow, ``core/lib/hash/crc32c.h``).

Texts are UTF-8 bytes, whole numbers and yes or no are int64. Numbers of an Example have 32 bits: all others
are therefore the bytes of little-endian arrays, of float64 and, for ``patches``, of float16.
"""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import google_crc32c
import numpy as np
from google.protobuf.message import DecodeError

from tonearm.transforms.elements.failure import TrackError
from tonearm.transforms.spectrograms.example_message import Example
from tonearm.transforms.spectrograms.flat_patches import in_shape
from tonearm.transforms.spectrograms.keys import (
    HEADING_NAMES,
    KEYS,
    Key,
    KeyKind,
    heading_from,
    record_from,
    values_of,
)
from tonearm.transforms.spectrograms.read_errors import (
    MOST_OTHER_BYTES,
    MOST_PATCH_BYTES,
    incomplete,
    require_fitting,
    unreadable,
)
from tonearm.transforms.spectrograms.record import SpectrogramRecord, TrackHeading
from tonearm.transforms.spectrograms.texts_by_name import texts_from_json, texts_to_json

_LENGTH = struct.Struct("<Q")
_CHECKSUM = struct.Struct("<I")
_MASK_DELTA = 0xA282EAD8


class TFRecordForm:
    """TensorFlow's file of records; see :class:`SpectrogramForm`."""

    name = "TFRecord"
    ending = ".tfrecord"

    def recognizes(self, head: bytes) -> bool:
        """See :class:`SpectrogramForm`: a length and its checksum; four bytes do not match by accident."""
        length, checksum = head[: _LENGTH.size], head[_LENGTH.size :][: _CHECKSUM.size]
        return len(checksum) == _CHECKSUM.size and checksum == _masked_checksum(length)

    def may_hold_records(self, file: BinaryIO) -> bool:
        """See :class:`SpectrogramForm`; what an Example holds is only known when it is read."""
        return True

    def headings(self, file: BinaryIO) -> Iterator[TrackHeading | TrackError]:
        """See :class:`SpectrogramForm`."""
        yield heading_from(0, _values(_message(file), HEADING_NAMES))

    def read(self, file: BinaryIO, place: int) -> SpectrogramRecord:
        """See :class:`SpectrogramForm`."""
        return in_shape(record_from(_values(_message(file), [key.name for key in KEYS])))

    def write(self, record: SpectrogramRecord, file: BinaryIO) -> None:
        """See :class:`SpectrogramForm`."""
        values = values_of(record)
        example = Example()
        for key in KEYS:
            if values[key.name] is not None:
                _put(example.features.feature[key.name], key.kind, values[key.name])
        message = example.SerializeToString(deterministic=True)
        length = _LENGTH.pack(len(message))
        for part in (length, _masked_checksum(length), message, _masked_checksum(message)):
            file.write(part)


def _masked_checksum(content: bytes) -> bytes:
    checksum = google_crc32c.value(content)
    rotated = (checksum >> 15 | checksum << 17) & 0xFFFFFFFF
    return _CHECKSUM.pack((rotated + _MASK_DELTA) & 0xFFFFFFFF)


def _message(file: BinaryIO) -> bytes:
    """The one message of a file, with its checksums seen to be right."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    head = file.read(_LENGTH.size + _CHECKSUM.size)
    if len(head) < _LENGTH.size + _CHECKSUM.size or not TFRecordForm().recognizes(head):
        raise unreadable("no TFRecord: the checksum of its length is wrong")
    (length,) = _LENGTH.unpack(head[: _LENGTH.size])
    expected = len(head) + length + _CHECKSUM.size
    if size < expected:
        raise unreadable(f"a TFRecord of {expected} bytes, of which {size} are there")
    if size > expected:
        raise unreadable("a TFRecord of more than one record; one track a file is expected")
    require_fitting("the TFRecord", length, MOST_PATCH_BYTES + MOST_OTHER_BYTES)
    message = file.read(length)
    if file.read(_CHECKSUM.size) != _masked_checksum(message):
        raise unreadable("a damaged TFRecord: the checksum of its content is wrong")
    return message


def _values(message: bytes, names: Sequence[str]) -> dict[str, Any]:
    """The values of these keys; one that the message does not have is not among them."""
    try:
        features = Example.FromString(message).features.feature
    except DecodeError as error:
        raise unreadable("a TFRecord that holds no tf.train.Example") from error
    return {
        key.name: _taken(key, features[key.name])
        for key in KEYS
        if key.name in names and key.name in features
    }


def _put(feature: Any, kind: KeyKind, value: Any) -> None:
    if kind in {KeyKind.WHOLE_NUMBER, KeyKind.YES_OR_NO}:
        feature.int64_list.value.append(int(value))
    else:
        feature.bytes_list.value.append(_TO_BYTES[kind](value))


def _taken(key: Key, feature: Any) -> Any:
    is_whole = key.kind in {KeyKind.WHOLE_NUMBER, KeyKind.YES_OR_NO}
    found = (feature.int64_list if is_whole else feature.bytes_list).value
    if len(found) != 1:
        kind = "int64_list" if is_whole else "bytes_list"
        raise incomplete(f"{key.name}: expected a {kind} of one value, found {len(found)}")
    try:
        return _FROM_FEATURE[key.kind](found[0])
    except ValueError as error:  # bytes that are no text, or no whole number of numbers
        raise incomplete(f"the key {key.name} holds something else than {key.kind}: {key.meaning}") from error


def _yes_or_no(value: int) -> bool | int:
    return bool(value) if value in {0, 1} else value


def _number(value: bytes) -> float | None:
    (number,) = np.frombuffer(value, "<f8").tolist()
    return None if math.isnan(number) else number


_TO_BYTES = {
    KeyKind.TEXT: str.encode,
    KeyKind.NUMBER: lambda value: np.float64(value).astype("<f8").tobytes(),
    KeyKind.TIMES: lambda value: value.astype("<f8").tobytes(),
    KeyKind.PATCHES: lambda value: value.astype("<f2").tobytes(),
    KeyKind.TEXTS_BY_NAME: lambda value: texts_to_json(value).encode(),
}

_FROM_FEATURE: Mapping[KeyKind, Callable[[Any], Any]] = {
    KeyKind.TEXT: bytes.decode,
    KeyKind.WHOLE_NUMBER: int,
    KeyKind.NUMBER: _number,
    KeyKind.YES_OR_NO: _yes_or_no,
    KeyKind.TIMES: lambda value: np.frombuffer(value, "<f8"),
    KeyKind.PATCHES: lambda value: np.frombuffer(value, "<f2"),
    KeyKind.TEXTS_BY_NAME: lambda value: texts_from_json(value.decode()),
}
