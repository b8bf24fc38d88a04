"""What a container says about its own length: a promise to compare with what was heard, no reason to stop."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

ReadAt = Callable[[int, int], bytes]
"""``read_at(offset, length)`` returns up to that many bytes; fewer at the end of the file."""

ClaimReader = Callable[[ReadAt, int, int], "Claim"]
"""``read_claim(read_at, start, size)``: the format begins at ``start`` in a file of ``size`` bytes."""

MAX_CHUNKS = 100_000
"""Bounds the walk over a hostile file that consists of empty chunks."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A container's own word on its length.

    Attributes:
        samples: Samples per channel that the file should decode to; None where it does not say.
        slack_samples: How many fewer an intact file may decode to, for decoders trim differently.
        cut: True if the file ends inside something that the container has announced.
    """

    samples: int | None = None
    slack_samples: int = 0
    cut: bool = False

    def is_missed_by(self, samples: int) -> bool:
        """True if so many decoded samples per channel are too few."""
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
    """Walk named chunks that stand end to end.

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


def claim_of_data(offset: int, data_bytes: int, block_bytes: int, size: int) -> Claim:
    """The claim of a chunk of samples.

    Args:
        offset: Where the samples begin.
        data_bytes: How many bytes of them the chunk announces.
        block_bytes: Bytes that one sample of all channels takes; 0 where it is not one number.
        size: The file's size in bytes.
    """
    samples = data_bytes // block_bytes if block_bytes else None
    return Claim(samples=samples, cut=offset + data_bytes > size)
