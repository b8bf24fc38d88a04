"""Reads a TensorFlow checkpoint (``.index`` beside ``.data-00000-of-00001``) without TensorFlow.

The index is a sorted string table as LevelDB lays it out: blocks of prefix-compressed entries, a last block
that points to the others, and a footer that points to the last block. Each entry's value is a protocol
buffer that says where in the data file a tensor lies. Only what such files hold is read here: one shard,
little endian, uncompressed blocks, float32 and float64 tensors. Anything else is an error, never a guess.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import google_crc32c
import numpy as np
from numpy.typing import NDArray

FOOTER_SIZE = 48
TABLE_MAGIC = 0xDB4775248B80FB57
CRC_MASK_DELTA = 0xA282EAD8
DTYPES: Mapping[int, np.dtype[np.floating]] = {
    1: np.dtype("<f4"),
    2: np.dtype("<f8"),
}  # TensorFlow's DataType numbers

# Field numbers of TensorFlow's BundleEntryProto and of the shape's nested messages.
ENTRY_DTYPE, ENTRY_SHAPE, ENTRY_SHARD, ENTRY_OFFSET, ENTRY_SIZE, ENTRY_CRC, ENTRY_SLICES = range(1, 8)
SHAPE_DIMENSION = 2
DIMENSION_SIZE = 1

Fields = dict[int, list[int | bytes]]


class TensorBundleError(ValueError):
    """A checkpoint is damaged or uses a feature that this reader does not know."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Where one tensor lies in the data file.

    Attributes:
        dtype: Little-endian element type.
        shape: Length of each axis.
        offset: First byte in the data file.
        size: Length in bytes.
        checksum: Masked CRC-32C of those bytes.
    """

    dtype: np.dtype[np.floating]
    shape: tuple[int, ...]
    offset: int
    size: int
    checksum: int


def read_tensors(prefix: Path) -> dict[str, NDArray[np.floating]]:
    """Read every tensor of a checkpoint.

    Args:
        prefix: Path without ``.index``; musicnn's checkpoints have an empty name, so theirs is ``FOLDER/``
            and is given as ``FOLDER / ""``.

    Returns:
        Arrays by variable name, in the index's order.

    Raises:
        TensorBundleError: If a file is damaged or of another kind.
        OSError: If a file cannot be read.
    """
    folder, name = (prefix, "") if prefix.is_dir() else (prefix.parent, prefix.name)
    data = (folder / f"{name}.data-00000-of-00001").read_bytes()
    return {
        key: _read_tensor(key, entry, data)
        for key, entry in read_index((folder / f"{name}.index").read_bytes()).items()
    }


def read_index(table: bytes) -> dict[str, Entry]:
    """Read a checkpoint's index file.

    Args:
        table: The whole ``.index`` file.

    Returns:
        Where each tensor lies, by variable name.

    Raises:
        TensorBundleError: If the table is damaged or of another kind.
    """
    try:
        return {
            key.decode(): _parse_entry(key.decode(), value)
            for key, value in _table_entries(table)
            if key  # the empty key holds the header
        }
    except (IndexError, struct.error, UnicodeDecodeError) as error:
        raise TensorBundleError(f"the checkpoint's index is cut off or damaged: {error}") from error


def _read_tensor(name: str, entry: Entry, data: bytes) -> NDArray[np.floating]:
    content = data[entry.offset : entry.offset + entry.size]
    expected = int(np.prod(entry.shape, dtype=np.int64)) * entry.dtype.itemsize
    if len(content) != entry.size or entry.size != expected:
        raise TensorBundleError(
            f"{name}: {len(content)} bytes of data, {expected} needed for shape {entry.shape}"
        )
    _check(content, entry.checksum, name)
    return np.frombuffer(content, dtype=entry.dtype).reshape(entry.shape)


def _parse_entry(name: str, value: bytes) -> Entry:
    fields = _parse_message(value)
    if ENTRY_SLICES in fields or _number(fields, ENTRY_SHARD):
        raise TensorBundleError(f"{name}: partitioned or sharded checkpoints are not supported")
    dtype = _number(fields, ENTRY_DTYPE)
    if dtype not in DTYPES:
        raise TensorBundleError(f"{name}: TensorFlow data type {dtype} is not supported")
    shape = (
        _number(_parse_message(dimension), DIMENSION_SIZE)
        for message in _messages(fields, ENTRY_SHAPE)
        for dimension in _messages(_parse_message(message), SHAPE_DIMENSION)
    )
    return Entry(
        dtype=DTYPES[dtype],
        shape=tuple(shape),
        offset=_number(fields, ENTRY_OFFSET),
        size=_number(fields, ENTRY_SIZE),
        checksum=_number(fields, ENTRY_CRC),
    )


def _table_entries(table: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Walk a sorted string table: footer, block of blocks, blocks."""
    footer = table[-FOOTER_SIZE:]
    if len(footer) < FOOTER_SIZE or struct.unpack("<Q", footer[-8:])[0] != TABLE_MAGIC:
        raise TensorBundleError("not a checkpoint index: the table's magic number is missing")
    after_metaindex = _skip_handle(footer, 0)
    for _, handle in _block_entries(_block(table, footer, after_metaindex)):
        yield from _block_entries(_block(table, handle, 0))


def _skip_handle(buffer: bytes, position: int) -> int:
    _, position = _varint(buffer, position)
    _, position = _varint(buffer, position)
    return position


def _block(table: bytes, handle: bytes, position: int) -> bytes:
    """Cut out the block that a handle (offset and size) points to, and check it."""
    offset, position = _varint(handle, position)
    size, _ = _varint(handle, position)
    compression = table[offset + size]
    if compression:
        raise TensorBundleError("compressed checkpoint indexes are not supported")
    (checksum,) = struct.unpack_from("<I", table, offset + size + 1)
    _check(table[offset : offset + size + 1], checksum, f"index block at {offset}")
    return table[offset : offset + size]


def _block_entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Undo the prefix compression: each key says how much it shares with the one before.

    A block is ``entry ... entry | restart offsets (uint32 each) | their number (uint32)``, and an entry is
    ``shared length | own length | value length | own part of the key | value``.
    """
    (restarts,) = struct.unpack("<I", block[-4:])
    end = len(block) - 4 * (restarts + 1)
    position, key = 0, b""
    while position < end:
        shared, position = _varint(block, position)
        unshared, position = _varint(block, position)
        value_size, position = _varint(block, position)
        value_start = position + unshared
        key = key[:shared] + block[position:value_start]
        position = value_start + value_size
        yield key, block[value_start:position]


def _parse_message(message: bytes) -> Fields:
    """Parse one protocol buffer message, without knowing its schema, into values by field number."""
    fields: Fields = {}
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        number, wire_type = tag >> 3, tag & 7
        value: int | bytes
        if wire_type == 0:
            value, position = _varint(message, position)
        elif wire_type == 2:
            size, position = _varint(message, position)
            value = message[position : position + size]
            position += size
        elif wire_type == 5:
            (value,) = struct.unpack_from("<I", message, position)
            position += 4
        else:
            raise TensorBundleError(f"protocol buffer wire type {wire_type} is not expected here")
        fields.setdefault(number, []).append(value)
    return fields


def _number(fields: Fields, field: int) -> int:
    """The field's last value, or 0 where it is absent, as protocol buffers define it."""
    value = fields.get(field, [0])[-1]
    if not isinstance(value, int):
        raise TensorBundleError(f"field {field} is not a number")
    return value


def _messages(fields: Fields, field: int) -> list[bytes]:
    return [value for value in fields.get(field, []) if isinstance(value, bytes)]


def _varint(buffer: bytes, position: int) -> tuple[int, int]:
    """Decode a base-128 number; returns it and the position after it."""
    value = shift = 0
    while True:
        byte = buffer[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7


def _check(content: bytes, masked_checksum: int, what: str) -> None:
    """Compare with LevelDB's masked CRC-32C: rotated right by 15 bits plus a constant."""
    checksum = google_crc32c.value(content)
    rotated = (checksum >> 15 | checksum << 17) & 0xFFFFFFFF
    if (rotated + CRC_MASK_DELTA) & 0xFFFFFFFF != masked_checksum:
        raise TensorBundleError(f"{what}: the checksum does not match, the file is damaged")
