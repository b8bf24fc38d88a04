"""What the bytes of a file are: the container is told from its content, never from its name."""

from __future__ import annotations

from dataclasses import dataclass

from tonearm.transforms.audio.formats.audio_format import AudioFormat
from tonearm.transforms.audio.formats.claim import ReadAt
from tonearm.transforms.audio.formats.registry import FORMATS, format_named
from tonearm.transforms.audio.mpeg_frames import find_first_frame

HEAD_BYTES = 64 * 1024
"""How much of a file's start :func:`identify` wants to see."""

MAX_LEADING_TAGS = 8


@dataclass(frozen=True, slots=True)
class Identified:
    """What a file is.

    Attributes:
        audio_format: Its format.
        begins: Offset of the format's own first byte, behind tags and rubbish.
        start: Offset of the first byte that decoders are shown: 0 where they skip tags themselves.
    """

    audio_format: AudioFormat
    begins: int
    start: int


def identify(head: bytes, size: int | None = None) -> AudioFormat | None:
    """Say what a file is from its first bytes, without opening it.

    Args:
        head: The file's first ``HEAD_BYTES`` bytes, or all of them if it has fewer.
        size: The file's size in bytes, where known.

    Returns:
        The format, or None if these are no audio bytes. Where an ID3v2 tag is longer than ``head``, so that
        nothing after it can be seen, the answer is MP3, which is nearly always right.
    """
    start = end_of_leading_tags(lambda offset, length: head[offset : offset + length])
    if start and start >= len(head) and (size is None or size > start):
        return format_named("mp3")
    return _identify_untagged(head[start:], whole=size is not None and size <= len(head))


def identify_file(read_at: ReadAt) -> Identified | None:
    """Say what a file is, however long the ID3v2 tags in front of it are; None if it is no audio."""
    start = end_of_leading_tags(read_at)
    head = read_at(start, HEAD_BYTES)
    found = _identify_untagged(head, whole=len(head) < HEAD_BYTES)
    return None if found is None else Identified(found, start, 0 if found.skips_tags else start)


def end_of_leading_tags(read_at: ReadAt) -> int:
    """Offset of the first byte after the ID3v2 tags that a file starts with, in bytes; 0 without any."""
    offset = 0
    for _ in range(MAX_LEADING_TAGS):
        header = read_at(offset, 10)
        is_tag = len(header) == 10 and header[:3] == b"ID3" and max(header[6:]) < 0x80
        if not is_tag:
            break
        body = header[6] << 21 | header[7] << 14 | header[8] << 7 | header[9]
        has_footer = bool(header[5] & 0x10)
        offset += 10 + body + (10 if has_footer else 0)
    return offset


def _identify_untagged(head: bytes, *, whole: bool) -> AudioFormat | None:
    return _identify_by_signature(head) or _identify_by_frames(head, whole=whole)


def _identify_by_signature(head: bytes) -> AudioFormat | None:
    """Recognise the containers that begin with a magic number."""
    return next((known for known in FORMATS if known.is_begun_by(head)), None)


def _identify_by_frames(head: bytes, *, whole: bool) -> AudioFormat | None:
    """Recognise streams without a magic number by several frame headers in a row."""
    for known in FORMATS:
        parse = known.parse_frame
        if parse is not None and find_first_frame(head, parse, whole=whole) is not None:
            return known
    return None
