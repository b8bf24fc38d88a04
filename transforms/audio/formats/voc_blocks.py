"""The blocks of a Creative Voice file, which have to lie end to end up to its last one."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from tonearm.transforms.audio.formats.claim import (
    MAX_CHUNKS,
    SLACK_BYTES,
    Claim,
    ReadAt,
    is_cut,
    is_unknown_size,
)

_HEADER_BYTES_AT = 20
_BLOCK_HEADER_BYTES, _FIELDS_BYTES = 4, 12
_END, _OLD_SAMPLES, _MORE_SAMPLES, _CHANNELS, _NEW_SAMPLES = 0, 1, 2, 8, 9
_LAST_KIND = 9
_FIELDS_BYTES_OF = {_OLD_SAMPLES: 2, _MORE_SAMPLES: 0, _NEW_SAMPLES: 12}
"""Bytes of a block of samples that come before them."""

_BYTES_PER_SAMPLE = {0: 1, 4: 2, 6: 1, 7: 1}
"""By the codec: PCM of 8 and 16 bits, A-law, mu-law; what else there is says nothing on its length."""

_LEFTOVER_BYTES = 4096
"""Behind the last block: what a writer left there."""


class _Block(NamedTuple):
    """A block: its kind, its length behind the header, the first bytes of it, and the offset of its end."""

    kind: int
    length: int
    fields: bytes
    end: int


def read_voc(read_at: ReadAt, start: int, size: int) -> Claim:
    """Count the samples of all blocks.

    A block that goes on beyond the end of the file, bytes that are no block, or many of them behind the last
    block say that a piece is missing. A block of samples of length 0 goes on to the end of the file.
    """
    (header_bytes,) = struct.unpack("<H", read_at(start + _HEADER_BYTES_AT, 2))
    samples = _SampleCount()
    at, is_ended = start + header_bytes, False
    for block in _blocks(read_at, at):
        if size - at <= SLACK_BYTES:  # early versions of SoX left eight bytes out of the length
            break
        at, is_ended = block.end, block.kind == _END
        if is_ended:
            break
        if at > size or (block.length == 0 and block.kind in _FIELDS_BYTES_OF):
            unknown = is_unknown_size(block.length, 24)
            return Claim(cut=is_cut(at, size) and not unknown, unknown=unknown)
        samples.add(block)
    left_bytes = size - at
    return Claim(samples.count, 1, cut=left_bytes > (_LEFTOVER_BYTES if is_ended else SLACK_BYTES))


def _blocks(read_at: ReadAt, offset: int) -> Iterator[_Block]:
    """The blocks from an offset on, as far as they are any."""
    for _ in range(MAX_CHUNKS):
        header = read_at(offset, _BLOCK_HEADER_BYTES + _FIELDS_BYTES)
        if header[:1] == bytes([_END]):
            yield _Block(_END, 0, b"", offset + 1)
            return
        if len(header) < _BLOCK_HEADER_BYTES or header[0] > _LAST_KIND:
            return
        length = int.from_bytes(header[1:4], "little")
        offset += _BLOCK_HEADER_BYTES + length
        yield _Block(header[0], length, header[4:], offset)


class _SampleCount:
    """Adds up blocks of samples; None once there are some of a codec that says nothing on its length."""

    def __init__(self) -> None:
        self._count: int | None = 0
        self._channels = self._block_bytes = 1

    @property
    def count(self) -> int | None:
        """Samples per channel so far; None if unknown or none."""
        return self._count or None

    def add(self, block: _Block) -> None:
        """Count a block."""
        if block.kind == _CHANNELS:
            self._channels = block.fields[3] + 1
        if block.kind not in _FIELDS_BYTES_OF:
            return
        if block.kind == _OLD_SAMPLES:
            self._block_bytes = 0 if block.fields[1] else self._channels
            self._channels = 1
        elif block.kind == _NEW_SAMPLES:
            self._block_bytes = _BYTES_PER_SAMPLE.get(block.fields[6], 0) * block.fields[5]
        sample_bytes = max(block.length - _FIELDS_BYTES_OF[block.kind], 0)
        is_known = self._count is not None and self._block_bytes > 0
        self._count = (self._count or 0) + sample_bytes // self._block_bytes if is_known else None
