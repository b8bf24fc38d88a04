"""Whether a stream of frames ends where its last frame does."""

from __future__ import annotations

import struct

from tonearm.transforms.audio.formats.claim import Claim, ClaimReader, ReadAt
from tonearm.transforms.audio.frames.frame_stream import FrameStream

_TAIL_BYTES = 32 * 1024
_ID3V1_BYTES = 128
_APE_FOOTER_BYTES = 32
_LYRICS3_END = b"LYRICS200"


def cut_of_stream(frames: FrameStream) -> ClaimReader:
    """The claim reader of streams that tell only by their last frame that something is missing."""

    def read_claim(read_at: ReadAt, start: int, size: int) -> Claim:
        end = start_of_trailing_tags(read_at, size)
        tail_start = max(start, end - _TAIL_BYTES)
        return Claim(cut=frames.last_frame_is_cut(read_at(tail_start, end - tail_start)))

    return read_claim


def start_of_trailing_tags(read_at: ReadAt, size: int) -> int:
    """Offset of the ID3v1, Lyrics3 and APE tags that a file may end with; the file's size without any."""
    end = size
    while True:
        tag_bytes = _id3v1_bytes(read_at, end) or _ape_bytes(read_at, end) or _lyrics3_bytes(read_at, end)
        if not 0 < tag_bytes <= end:
            return end
        end -= tag_bytes


def _id3v1_bytes(read_at: ReadAt, end: int) -> int:
    return _ID3V1_BYTES if end >= _ID3V1_BYTES and read_at(end - _ID3V1_BYTES, 3) == b"TAG" else 0


def _ape_bytes(read_at: ReadAt, end: int) -> int:
    footer = read_at(end - _APE_FOOTER_BYTES, _APE_FOOTER_BYTES) if end >= _APE_FOOTER_BYTES else b""
    if footer[:8] != b"APETAGEX":
        return 0
    body_and_footer, _, flags = struct.unpack_from("<III", footer, 12)
    has_header = flags >> 31
    return int(body_and_footer + _APE_FOOTER_BYTES * has_header)


def _lyrics3_bytes(read_at: ReadAt, end: int) -> int:
    """Lyrics3 2.00 ends with its own length in six digits and a word."""
    footer = read_at(end - 15, 15) if end >= 15 else b""
    is_tag = footer[6:] == _LYRICS3_END and footer[:6].isdigit()
    return int(footer[:6]) + 15 if is_tag else 0
