"""All frames of an MP3 file, counted by their headers before it is decoded.

An MP3 file has no length of its own. What decoders report is a guess from the bit rate or the word of a
header in the first frame, and libsndfile reads no further. The headers themselves tell how much there is, at
three to five percent of the price of decoding: a frame's header says where the next frame begins.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from tonearm.transforms.audio.formats.claim import ReadAt
from tonearm.transforms.audio.frames.frame_stream import FrameHeader
from tonearm.transforms.audio.frames.mpeg_frames import parse_mpeg_header

_CHUNK_BYTES = 1 << 20
_HEADER_BYTES = 4
_CODES = 1 << 12
"""A header's code is what its length depends on: version, layer, bit rate, rate, padding; and mono or not."""

_LONGEST_SLIP_BYTES = 4
"""Bytes between two frames that are no loss: some encoders pad wrongly."""

_TAGS = (b"ID3", b"TAG", b"APETAGEX", b"LYRICSBEGIN")

_KIND_BITS = 0b1111_0000_1100
"""The bits of a code that say version, layer and rate."""


@dataclass(frozen=True, slots=True)
class MpegStream:
    """What the frame headers of a file add up to.

    Attributes:
        seconds: Length of the frames, a header frame (Xing, Info, VBRI) included.
        samples: The same in samples per channel, whatever the rate.
        frame_bytes: Length of the frames.
        lost_bytes: Bytes between the first and the last frame that are neither frames nor tags.
        tail_bytes: Bytes behind the last frame that are no tags and no zeros.
        tail_zeros: Zeros behind the last frame.
        steady: True if all frames have one rate, one layer and one number of channels.
    """

    seconds: float
    samples: int
    frame_bytes: int
    lost_bytes: int
    tail_bytes: int
    tail_zeros: int
    steady: bool

    @property
    def is_plain(self) -> bool:
        """True if one frame follows another from the first to the last, all of one kind."""
        return self.steady and not self.lost_bytes


def read_mpeg_stream(read_at: ReadAt, start: int) -> MpegStream | None:
    """Hop from frame to frame through a file; None if there are none, or if they are of free format.

    Args:
        read_at: Reads bytes at an offset.
        start: Where to begin: behind leading tags.
    """
    return _Walk(read_at, start).run()


class _Walk:
    """The walk through one file, chunk by chunk."""

    def __init__(self, read_at: ReadAt, start: int) -> None:
        self._read_at = read_at
        self._position = start
        self._counts = np.zeros(_CODES, np.int64)
        self._begun = False
        self._gap_bytes = self._gap_nonzero = 0
        self._lost_bytes = 0

    def run(self) -> MpegStream | None:
        """Walk to the end of the file."""
        while len(data := self._read_at(self._position, _CHUNK_BYTES)) >= _HEADER_BYTES:
            self._position += self._hop(data)
        if not self._begun:
            return None
        tail_zeros = self._gap_bytes - self._gap_nonzero
        return _added_up(self._counts, self._lost_bytes, self._gap_nonzero, tail_zeros)

    def _hop(self, data: bytes) -> int:
        """Count the frames that begin in a chunk; returns the offset of what comes next."""
        table, places = _headers(data)
        codes, lengths, end = table.data, _frame_lengths(), len(table)
        frames: list[int] = []
        at = 0
        while at < end:
            code = codes[at]
            if code and self._gap_bytes:
                self._close_gap()
            if code:
                self._begun = True
                frames.append(code)
                at += lengths[code]
            else:
                at = self._pass(data, at, _next_frame(table, places, at))
        if frames:
            self._counts += np.bincount(frames, minlength=_CODES)
        return at

    def _pass(self, data: bytes, at: int, next_frame: int) -> int:
        """Step over a tag, or over bytes that are no frame and no tag; returns where it ends."""
        tag_bytes = _tag_bytes(data, at)
        if tag_bytes:
            return at + tag_bytes
        tags = (data.find(tag, at + 1, next_frame) for tag in _TAGS)
        after = min((found for found in tags if found > at), default=next_frame)
        self._gap_bytes += after - at
        self._gap_nonzero += after - at - data.count(0, at, after)
        return after

    def _close_gap(self) -> None:
        """Count what lay between two frames; what precedes the first one is no loss."""
        if self._begun and self._gap_bytes > _LONGEST_SLIP_BYTES:
            self._lost_bytes += self._gap_bytes
        self._gap_bytes = self._gap_nonzero = 0


def _added_up(counts: npt.NDArray[np.int64], lost_bytes: int, tail_bytes: int, tail_zeros: int) -> MpegStream:
    headers = _headers_of_codes()
    found = [(headers[code], int(counts[code]), code & 1) for code in np.flatnonzero(counts)]
    kinds = {(header.kind, mono) for header, _, mono in found if header}
    return MpegStream(
        seconds=sum(header.samples * count / header.sample_rate_hz for header, count, _ in found if header),
        samples=sum(header.samples * count for header, count, _ in found if header),
        frame_bytes=sum(header.frame_bytes * count for header, count, _ in found if header),
        lost_bytes=lost_bytes,
        tail_bytes=tail_bytes,
        tail_zeros=tail_zeros,
        steady=len(kinds) == 1,
    )


def _headers(data: bytes) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.intp]]:
    """The code of the frame header at each offset of a chunk, 0 where there is none, and their places."""
    numbers = np.frombuffer(data, np.uint8)
    end = len(numbers) - _HEADER_BYTES + 1
    places = np.flatnonzero(numbers[:end] == 0xFF)
    places = places[numbers[places + 1] >= 0xE0]
    second, third, fourth = (numbers[places + offset].astype(np.int16) for offset in (1, 2, 3))
    codes = (second >> 1 & 15) << 8 | third >> 1 << 1 | (fourth >= 0xC0)
    valid = _valid_codes()[codes]
    table = np.zeros(end, np.int16)
    places = places[valid]
    table[places] = codes[valid]
    return table, places


def _next_frame(table: npt.NDArray[np.int16], places: npt.NDArray[np.intp], at: int) -> int:
    """Offset of the next header that another one of its kind follows, or of the chunk's end."""
    lengths = _frame_lengths()
    for number in range(int(np.searchsorted(places, at)), len(places)):
        place = int(places[number])
        follower = place + lengths[table[place]]
        if follower >= len(table) or (table[follower] and not (table[follower] ^ table[place]) & _KIND_BITS):
            return place
    return len(table)


def _tag_bytes(data: bytes, at: int) -> int:
    """Length of the tag at an offset, 0 if none does."""
    if data.startswith(b"TAG", at):
        return 128
    if data.startswith(b"ID3", at) and len(data) >= at + 10:
        size = data[at + 6 : at + 10]
        return 10 + (size[0] << 21 | size[1] << 14 | size[2] << 7 | size[3]) if max(size) < 0x80 else 0
    if data.startswith(b"APETAGEX", at) and len(data) >= at + 16:
        is_header = len(data) >= at + 24 and data[at + 23] & 0x20
        return 32 + (int.from_bytes(data[at + 12 : at + 16], "little") if is_header else 0)
    if data.startswith(b"LYRICSBEGIN", at):
        end = max(data.find(b"LYRICS200", at), data.find(b"LYRICSEND", at))
        return end + 9 - at if end >= 0 else 0
    return 0


@lru_cache(maxsize=1)
def _headers_of_codes() -> list[FrameHeader | None]:
    """The frame header that each code stands for; None where there is no such header."""
    return [
        parse_mpeg_header(
            bytes([0xFF, 0xE1 | code >> 8 << 1, code >> 1 << 1 & 0xFF, 0xC0 if code & 1 else 0]), 0
        )
        for code in range(_CODES)
    ]


@lru_cache(maxsize=1)
def _frame_lengths() -> list[int]:
    return [header.frame_bytes if header else 0 for header in _headers_of_codes()]


@lru_cache(maxsize=1)
def _valid_codes() -> npt.NDArray[np.bool_]:
    return np.array(_frame_lengths()) > 0
