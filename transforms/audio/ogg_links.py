"""The links of an Ogg file: streams that follow one another, each with a rate and channels of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from tonearm.transforms.audio.formats.claim import ReadAt

MOST_LINKS = 10_000
"""A radio recording has one for each song; each takes a millisecond to open."""

_READ_BYTES = 1 << 20
_HEADER_BYTES = 27
_LONGEST_HEADER_BYTES = _HEADER_BYTES + 255
_BEGINS_STREAM = 0x02


@dataclass(frozen=True, slots=True)
class Link:
    """A link's bytes: from ``start`` up to ``end``."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Page:
    offset: int
    begins_stream: bool


def links_of(read_at: ReadAt, start: int, size: int) -> list[Link]:
    """The links of a file, in order; streams that begin side by side, as in a film, are one link.

    Bytes that belong to no page are left in the link that they follow, as decoders skip them.

    Args:
        read_at: Reads bytes at an offset.
        start: Where the format begins, behind leading tags.
        size: The file's size in bytes.
    """
    starts: list[int] = []
    in_headers = False
    for page in _pages(read_at, start):
        if page.begins_stream and not in_headers:
            starts.append(page.offset)
            if len(starts) > MOST_LINKS:
                break
        in_headers = page.begins_stream
    return [Link(begin, end) for begin, end in pairwise([*starts, size])]


def _pages(read_at: ReadAt, base: int) -> Iterator[_Page]:
    """All pages, hopping from header to header; where none stands the next one is looked for."""
    data, at = read_at(base, _READ_BYTES), 0
    while len(data) >= _HEADER_BYTES:
        if at + _LONGEST_HEADER_BYTES > len(data) and len(data) == _READ_BYTES:
            base, at = base + at, 0
            data = read_at(base, _READ_BYTES)
            continue
        if not data.startswith(b"OggS\0", at):
            found = data.find(b"OggS\0", at)
            at = found if found >= 0 else max(at, len(data) - 4)
            if found < 0 and len(data) < _READ_BYTES:
                return
            continue
        segments = data[at + 26] if at + 26 < len(data) else 0
        yield _Page(base + at, bool(data[at + 5] & _BEGINS_STREAM))
        at += _HEADER_BYTES + segments + sum(data[at + _HEADER_BYTES : at + _HEADER_BYTES + segments])
