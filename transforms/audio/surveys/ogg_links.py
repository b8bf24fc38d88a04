"""The links of an Ogg file: streams that follow one another, each with a rate and channels of its own."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from tonearm.transforms.audio.formats.claim import ReadAt
from tonearm.transforms.audio.surveys.link import Link

MOST_LINKS = 10_000
"""A radio recording has one for each song; each takes a millisecond to open."""

_READ_BYTES = 1 << 20
_HEADER_BYTES = 27
_HEADER = struct.Struct("<BqIIIB")
"""Flags, granule position, serial number, page number, checksum, segments; behind ``OggS`` and a zero."""

_LONGEST_FIRST_PAGE_S = 10
_LONGEST_HEADER_BYTES = _HEADER_BYTES + 255
_BEGINS_STREAM = 0x02


class _Page(NamedTuple):
    """A page's header, and where it is.

    Attributes:
        offset: Where it begins.
        begins_stream: True for the first page of a stream.
        serial: The stream's number.
        granule: Time stamp of the last packet that ends on the page, in samples; negative if none does.
        body: The first bytes of its body.
    """

    offset: int
    begins_stream: bool
    serial: int
    granule: int
    body: bytes


class _Clock:
    """The time stamps of the sound of one link."""

    def __init__(self, start: int) -> None:
        self.start = start
        self._serial: int | None = None
        self._rate_hz = 0
        self._first = self._last = 0

    def see(self, page: _Page) -> None:
        if page.begins_stream and self._serial is None:
            self._rate_hz = _rate_hz(page.body)
            self._serial = page.serial if self._rate_hz else None
        elif page.serial == self._serial and page.granule > 0:
            self._first = self._first or page.granule
            self._last = page.granule

    @property
    def seconds(self) -> float:
        """Length; a recording that was begun in the middle of a broadcast has no zero."""
        if not self._rate_hz:
            return 0.0
        begun_later = self._first > _LONGEST_FIRST_PAGE_S * self._rate_hz
        return max(self._last - (self._first if begun_later else 0), 0) / self._rate_hz


def links_of(read_at: ReadAt, start: int, size: int) -> list[Link]:
    """The links of a file, in order; streams that begin side by side, as in a film, are one link.

    Bytes that belong to no page are left in the link that they follow, as decoders skip them.

    Args:
        read_at: Reads bytes at an offset.
        start: Where the format begins, behind leading tags.
        size: The file's size in bytes.
    """
    clocks: list[_Clock] = []
    in_headers = False
    for page in _pages(read_at, start):
        if page.begins_stream and not in_headers:
            if len(clocks) == MOST_LINKS:
                break
            clocks.append(_Clock(page.offset))
        in_headers = page.begins_stream
        if clocks:
            clocks[-1].see(page)
    ends = [*(clock.start for clock in clocks[1:]), size]
    return [Link(clock.start, end, clock.seconds) for clock, end in zip(clocks, ends, strict=False)]


def _pages(read_at: ReadAt, base: int) -> Iterator[_Page]:
    """All pages, hopping from header to header; where there is none, the next one is searched for."""
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
        if at + _HEADER_BYTES > len(data):
            return
        flags, granule, serial, _, _, segments = _HEADER.unpack_from(data, at + 5)
        body = at + _HEADER_BYTES + segments
        begins_stream = bool(flags & _BEGINS_STREAM)
        yield _Page(
            base + at, begins_stream, serial, granule, data[body : body + 64] if begins_stream else b""
        )
        at = body + sum(data[at + _HEADER_BYTES : body])


def _rate_hz(body: bytes) -> int:
    """What a second of time stamps counts, from a stream's first packet; 0 if it is no sound."""
    try:
        if body.startswith(b"\x01vorbis"):
            return int(struct.unpack_from("<I", body, 12)[0])
        if body.startswith(b"OpusHead"):
            return 48000
        if body.startswith(b"\x7fFLAC"):
            return int.from_bytes(body[27:30], "big") >> 4
        if body.startswith(b"Speex   "):
            return int(struct.unpack_from("<I", body, 36)[0])
    except struct.error:
        pass
    return 0
