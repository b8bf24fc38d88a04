"""What a container says about its own length: a promise to compare with what was heard, no reason to stop."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

ReadAt = Callable[[int, int], bytes]
"""``read_at(offset, length)`` returns up to that many bytes; fewer at the end of the file."""

ClaimReader = Callable[[ReadAt, int, int], "Claim"]
"""``read_claim(read_at, start, size)``: the format begins at ``start`` in a file of ``size`` bytes."""

MAX_CHUNKS = 100_000
"""Bounds the walk over a hostile file that consists of empty chunks."""

LONGEST_PLAUSIBLE_S = 31 * 86_400.0
"""A container that states a length of months states none: the field was never filled in, or is broken."""

SLACK_BYTES = 64
"""What an intact file may lack: padding that was not written, an odd byte, a header counted twice."""

_PAGE_BYTES = 4096
_SHORTEST_HEADER_BYTES, _LONGEST_HEADER_BYTES = 36, 128


_SOX_LEAST_BYTES = 0x7F000000
"""What SoX writes into an AIFF's size, with or without the chunk's own header."""


@dataclass(frozen=True, slots=True)
class Correction:
    """What decoders are to see at an offset of a file in the place of what stands there.

    Attributes:
        offset: Where.
        data: Bytes that belong there, where a header was never filled in.
        removed: How many bytes of damage are not to be seen at all, where decoders would stop at them.
    """

    offset: int
    data: bytes = b""
    removed: int = 0


@dataclass(frozen=True, slots=True)
class Claim:
    """A container's own word on its length.

    Attributes:
        samples: Samples per channel that the file should decode to; None where it does not say.
        slack_samples: How many fewer an intact file may decode to, for decoders trim differently.
        cut: True if the file ends inside something that the container has announced.
        unknown: True if nobody knew the length when the container was written.
        corrections: What the header would say if they had, for decoders that would guess or give up.
        end: Where the last whole sample ends, for decoders that read whole ones only; None if it need not be
            told.
        next_at: Where the container ends by its own word, so that another file may begin; None if not told.
        followed: True if another file of the same format begins there, which no decoder reads.
    """

    samples: int | None = None
    slack_samples: int = 0
    cut: bool = False
    unknown: bool = False
    corrections: Sequence[Correction] = ()
    end: int | None = None
    next_at: int | None = None
    followed: bool = False

    def is_missed_by(self, samples: int) -> bool:
        """True if so many decoded samples per channel are too few.

        >>> claim = Claim(samples=44100, slack_samples=100)
        >>> claim.is_missed_by(44000), claim.is_missed_by(43000)
        (False, True)
        """
        return self.samples is not None and samples + self.slack_samples < self.samples


@dataclass(frozen=True, slots=True)
class Chunk:
    """A span with a name; ``size`` is what its header says, whether the file is that long or not."""

    name: bytes
    offset: int
    size: int


def chunks(
    read_at: ReadAt, offset: int, size: int, layout: str, *, counts_header: bool = False, alignment: int = 2
) -> Iterator[Chunk]:
    """Walk named chunks that lie end to end.

    Args:
        read_at: Reads bytes at an offset.
        offset: Where the first one begins.
        size: The file's size in bytes.
        layout: ``struct`` layout of a chunk's header: its name and its size.
        counts_header: True if the size includes the header.
        alignment: The next chunk begins at a multiple of this, counted from the chunk's start.
    """
    header_bytes = struct.calcsize(layout)
    for _ in range(MAX_CHUNKS):
        header = read_at(offset, header_bytes)
        if len(header) < header_bytes or offset >= size:
            return
        name, chunk_bytes = struct.unpack(layout, header)
        body_bytes = max(chunk_bytes - header_bytes, 0) if counts_header else chunk_bytes
        yield Chunk(name, offset + header_bytes, body_bytes)
        offset += header_bytes + -(-body_bytes // alignment) * alignment


@dataclass(frozen=True, slots=True)
class SizeField:
    """Where a header has the size of its data.

    Attributes:
        offset: Of the field.
        layout: ``struct`` layout of it, and of nothing else.
        counted_besides: Bytes that it counts besides the data: a header.
    """

    offset: int
    layout: str
    counted_besides: int = 0

    def filled_in(self, data_bytes: int) -> Sequence[Correction]:
        """What the field would be with so many bytes of data; nothing if it cannot hold the number."""
        number = data_bytes + self.counted_besides
        if number >= 1 << 8 * struct.calcsize(self.layout):
            return ()
        return (Correction(self.offset, struct.pack(self.layout, number)),)


def claim_of_data(
    offset: int,
    data_bytes: int,
    block_bytes: int,
    size: int,
    *,
    bits: int = 32,
    size_field: SizeField | None = None,
) -> Claim:
    """The claim of a chunk of samples; one whose size nobody knew claims nothing.

    Args:
        offset: Where the samples begin.
        data_bytes: How many bytes of them the chunk announces.
        block_bytes: Bytes that one sample of all channels takes; 0 where it is not one number.
        size: The file's size in bytes.
        bits: Width of the field that the chunk's size stands in.
        size_field: Where it stands.
    """
    holds_less = data_bytes == 0 or is_cut(offset + data_bytes, size)
    counted = {data_bytes, data_bytes + size_field.counted_besides} if size_field else {data_bytes}
    if holds_less and any(is_unknown_size(number, width) for number in counted for width in {bits, 32}):
        corrections = size_field.filled_in(max(size - offset, 0)) if size_field else ()
        return Claim(unknown=True, corrections=corrections)
    samples = data_bytes // block_bytes if block_bytes else None
    slack_samples = SLACK_BYTES // block_bytes if block_bytes else 0
    return Claim(samples, slack_samples, cut=is_cut(offset + data_bytes, size))


def is_cut(end: int, size: int) -> bool:
    """True if what should end at an offset does not; a few bytes of bad bookkeeping are no loss."""
    return end > size + SLACK_BYTES


def is_unknown_size(announced: int, bits: int) -> bool:
    """True for what tools write into a size that they cannot come back to, since they write into a pipe.

    That is 0 or the largest number, signed or not, less the header's own bytes or rounded down to a page:
    FFmpeg and faad write 0 or 0xFFFFFFFF, SoX 0x7FFFF000 or 0x7F000000, lame 0x7FFFFFFF - 36, arecord
    0x80000000.
    """
    largest, half = (1 << bits) - 1, 1 << bits - 1
    is_near_half = half - _PAGE_BYTES - _LONGEST_HEADER_BYTES <= announced <= half + _LONGEST_HEADER_BYTES
    below_largest = largest - announced
    is_near_largest = (
        0 <= below_largest < 4 or _SHORTEST_HEADER_BYTES <= below_largest <= _LONGEST_HEADER_BYTES
    )
    is_by_sox = bits == 32 and 0 <= announced - _SOX_LEAST_BYTES <= _LONGEST_HEADER_BYTES
    return announced == 0 or is_near_half or is_near_largest or is_by_sox
