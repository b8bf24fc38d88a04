"""The frames of an AMR file, walked by their headers: are all of them intact, and is the last one whole.

A decoder plays whatever it is given; only the headers tell what is no frame (RFC 4867, 5.3).
"""

from __future__ import annotations

from tonearm.transforms.audio.formats.claim import SLACK_BYTES, ReadAt

_NARROW, _WIDE = b"#!AMR\n", b"#!AMR-WB\n"

_NARROW_FRAME_BYTES = (13, 14, 16, 18, 20, 21, 27, 32, 6, 0, 0, 0, 0, 0, 0, 1)
_WIDE_FRAME_BYTES = (18, 24, 33, 37, 41, 47, 51, 59, 61, 6, 0, 0, 0, 0, 1, 1)
"""By the mode, with the header; 0 for those that there are not."""

_NOTHING_SENT = 15
_PADDING_BITS, _GOOD_BIT = 0x83, 0x04
_PIECE_BYTES = 1 << 20


def is_damaged_amr(read_at: ReadAt, start: int, end: int) -> bool:
    """True if bytes are no frames, if frames say that they are damaged, or if the last one is cut.

    Args:
        read_at: Reads bytes at an offset.
        start: Where the format begins.
        end: Where it ends, without trailing tags.
    """
    wide = read_at(start, len(_WIDE)) == _WIDE
    good = _lengths_of_good_headers(_WIDE_FRAME_BYTES if wide else _NARROW_FRAME_BYTES)
    position = start + len(_WIDE if wide else _NARROW)
    while position < end:
        piece, at = read_at(position, min(_PIECE_BYTES, end - position)), 0
        while at < len(piece):
            length = good[piece[at]]
            if not length:
                return not _is_padding(read_at, position + at, end)
            at += length
        position += max(at, 1)
    return position > end


def _is_padding(read_at: ReadAt, start: int, end: int) -> bool:
    """True for a few zeros at the end, which some writers leave there."""
    return end - start <= SLACK_BYTES and not any(read_at(start, end - start))


def _lengths_of_good_headers(frame_bytes: tuple[int, ...]) -> list[int]:
    """The length of a frame by its first byte; 0 if no intact frame begins so."""
    lengths = []
    for header in range(256):
        mode = header >> 3 & 15
        is_good = not header & _PADDING_BITS and (header & _GOOD_BIT or mode == _NOTHING_SENT)
        lengths.append(frame_bytes[mode] if is_good else 0)
    return lengths
