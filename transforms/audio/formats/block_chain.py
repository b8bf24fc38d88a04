"""Blocks that follow each other, each with its own length: where the chain is broken, and goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tonearm.transforms.audio.formats.claim import Correction, ReadAt

BlockLength = Callable[[bytes], int | None]
"""Length of a block with its header, from that header; None if there is none."""

_PIECE_BYTES = 1 << 20
_MOST_BREAKS = 10_000


def without_damage(
    read_at: ReadAt, start: int, end: int, sync: bytes, header_bytes: int, block_bytes: BlockLength
) -> Sequence[Correction]:
    """What lies between the blocks of a file and is none, to be hidden from decoders that would stop there.

    Args:
        read_at: Reads bytes at an offset.
        start: Offset of the first block.
        end: Offset behind the last one.
        sync: What each block begins with.
        header_bytes: How much of it its length is read from.
        block_bytes: Reads that length.
    """
    breaks: list[Correction] = []
    at = start
    while at < end and len(breaks) < _MOST_BREAKS:
        length = block_bytes(read_at(at, header_bytes))
        if length is not None:
            at += length
            continue
        found = _next_block(read_at, at + 1, end, sync, header_bytes, block_bytes)
        breaks.append(Correction(at, removed=found - at))
        at = found
    return breaks


def _next_block(
    read_at: ReadAt, at: int, end: int, sync: bytes, header_bytes: int, block_bytes: BlockLength
) -> int:
    """Offset of the next block behind damage; the end if there is none."""
    while at < end:
        piece = read_at(at, _PIECE_BYTES)
        place = piece.find(sync)
        while place >= 0:
            if block_bytes(read_at(at + place, header_bytes)) is not None:
                return at + place
            place = piece.find(sync, place + 1)
        if len(piece) < _PIECE_BYTES:
            break
        at += len(piece) - len(sync) + 1
    return end
