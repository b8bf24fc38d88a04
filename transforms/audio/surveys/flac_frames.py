"""The frames of a FLAC file, found by their headers: where the last one ends, and which streams they make up.

STREAMINFO's count of samples is a claim, which tools that write into a pipe leave at zero or get wrong, and
libsndfile reads no further. A frame's own header says where in its stream it stands. Files that were joined
are several streams, whose frames are numbered anew.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tonearm.transforms.audio.formats.claim import ReadAt

_TAIL_BYTES = 128 * 1024
"""Longer than any frame but those of 8 channels in 24 bits and of the longest kind."""

_READ_BYTES = 1 << 20
_LONGEST_HEADER_BYTES = 16
_STREAM_INFO_BYTES = 8 + 34
_STREAM_INFO = re.compile(rb"fLaC[\x00\x80]\x00\x00\x22")
_SYNC = re.compile(rb"\xff[\xf8\xf9]")
_BLOCK_SAMPLES = (0, 192, 576, 1152, 2304, 4608, 0, 0, *(256 << power for power in range(8)))
_RATES_HZ = (0, 88200, 176400, 192000, 8000, 16000, 22050, 24000, 32000, 44100, 48000, 96000)
_SAMPLES_IN_8_BITS, _SAMPLES_IN_16_BITS = 6, 7
_LAST_SINGLE_CHANNELS, _LAST_STEREO = 7, 10
_RESERVED_BITS = 3
_FEWEST_OF_A_KIND = 2
_SMALLEST_SHARE_OF_A_KIND = 0.01
"""Some bytes look like a frame's header by chance: once in some ten million, and hardly ever twice alike."""


class FrameKind(NamedTuple):
    """What all frames of one stream have in common."""

    numbered_by_samples: bool
    rate_code: int
    channels: int
    bits_code: int


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a frame stands in its stream, in samples per channel, and its rate; 0 if STREAMINFO says that."""

    kind: FrameKind
    first_sample: int
    samples: int

    @property
    def end(self) -> int:
        """The first sample behind it."""
        return self.first_sample + self.samples

    @property
    def rate_hz(self) -> int:
        """Sample rate; 0 if it is the one of STREAMINFO, or none of the usual ones."""
        return _RATES_HZ[self.kind.rate_code] if self.kind.rate_code < len(_RATES_HZ) else 0


def last_frame(read_at: ReadAt, start: int, size: int) -> Frame | None:
    """The last frame; None if there is none near the end of the file.

    Args:
        read_at: Reads bytes at an offset.
        start: Where the format begins, behind leading tags.
        size: The file's size in bytes.
    """
    frames = _alike(list(_frames(read_at, start, max(start + _STREAM_INFO_BYTES, size - _TAIL_BYTES), size)))
    return frames[-1] if frames else None


def starts_of_streams(read_at: ReadAt, start: int) -> Sequence[int]:
    """Offsets of the headers in a file. Reads all of it."""
    starts, offset = [start], start + _STREAM_INFO_BYTES
    while len(data := read_at(offset, _READ_BYTES)) >= _STREAM_INFO_BYTES:
        read_anew = _STREAM_INFO_BYTES if len(data) == _READ_BYTES else 0
        end = len(data) - read_anew
        starts += [offset + found.start() for found in _STREAM_INFO.finditer(data) if found.start() < end]
        offset += end
    return starts


@dataclass(frozen=True, slots=True)
class Run:
    """Frames of a stream whose numbers go up.

    Attributes:
        first_sample: Where it begins: at 0 if it is the first of its stream, at its first frame otherwise.
        end: The first sample behind it.
        rate_hz: Sample rate of its frames; 0 if STREAMINFO says that.
    """

    first_sample: int
    end: int
    rate_hz: int


def runs_of_frames(read_at: ReadAt, start: int, end: int) -> Sequence[Run]:
    """The frames of a stream; one run if the stream is in order. Reads all of it.

    Frames that stand there twice, or of another kind, are another run, as in files that were joined without
    the second one's beginning.

    Args:
        read_at: Reads bytes at an offset.
        start: Where the stream begins, with its header.
        end: The first byte behind it.
    """
    runs: list[Run] = []
    before: Frame | None = None
    for frame in _alike(list(_frames(read_at, start, start + _STREAM_INFO_BYTES, end))):
        if before is None:
            runs.append(Run(0, frame.end, frame.rate_hz))
        elif frame.kind != before.kind or frame.first_sample < before.end:
            runs.append(Run(frame.first_sample, frame.end, frame.rate_hz))
        else:
            runs[-1] = Run(runs[-1].first_sample, frame.end, frame.rate_hz)
        before = frame
    return runs


def _alike(frames: Sequence[Frame]) -> Sequence[Frame]:
    """The frames without those that are the only one of their kind, which other bytes look like."""
    counts = Counter(frame.kind for frame in frames)
    fewest = max(_FEWEST_OF_A_KIND, _SMALLEST_SHARE_OF_A_KIND * len(frames))
    kept = [frame for frame in frames if counts[frame.kind] >= fewest]
    return kept or frames


def _frames(read_at: ReadAt, start: int, offset: int, stream_end: int) -> Iterator[Frame]:
    """The frames from an offset on; a header counts if its checksum is right."""
    block_samples = int.from_bytes(read_at(start + 10, 2), "big")
    while len(data := read_at(offset, min(_READ_BYTES, stream_end - offset))) > _LONGEST_HEADER_BYTES:
        whole = len(data) == _READ_BYTES
        end = len(data) - _LONGEST_HEADER_BYTES if whole else len(data)
        for found in _SYNC.finditer(data, 0, end + 1):
            frame = _parse(data[found.start() : found.start() + _LONGEST_HEADER_BYTES], block_samples)
            if frame is not None:
                yield frame
        offset += end


def _parse(header: bytes, block_samples: int) -> Frame | None:
    """Parse a frame header (RFC 9639, 9.1), or what looks like one."""
    if len(header) < 6 or header[2] >> 4 == 0 or header[2] & 15 == 15 or header[3] & 1:
        return None
    assignment, bits_code = header[3] >> 4, header[3] >> 1 & 7
    number_bytes = _number_bytes(header[4])
    if assignment > _LAST_STEREO or bits_code == _RESERVED_BITS or not number_bytes:
        return None
    number = header[4] & (0x7F if number_bytes == 1 else 0x7F >> number_bytes)
    for byte in header[5 : 4 + number_bytes]:
        if byte >> 6 != 0b10:
            return None
        number = number << 6 | byte & 0x3F
    at = 4 + number_bytes
    size_code, rate_code = header[2] >> 4, header[2] & 15
    samples = _BLOCK_SAMPLES[size_code]
    if size_code in (_SAMPLES_IN_8_BITS, _SAMPLES_IN_16_BITS):
        width = 1 if size_code == _SAMPLES_IN_8_BITS else 2
        samples = int.from_bytes(header[at : at + width], "big") + 1
        at += width
    at += {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    if len(header) <= at or _crc8(header[:at]) != header[at]:
        return None
    channels = assignment + 1 if assignment <= _LAST_SINGLE_CHANNELS else 2
    kind = FrameKind(bool(header[1] & 1), rate_code, channels, bits_code)
    return Frame(kind, number if kind.numbered_by_samples else number * block_samples, samples)


def _number_bytes(first: int) -> int:
    """Length of a number in bytes as UTF-8 has them: the leading ones count them; 0 if it is none."""
    ones = 8 - (first ^ 0xFF).bit_length()
    return 1 if ones == 0 else ones if 2 <= ones <= 7 else 0


def _crc8(data: bytes) -> int:
    """The checksum of a frame header: polynomial x^8 + x^2 + x + 1."""
    crc = 0
    for byte in data:
        crc = _CRC8[crc ^ byte]
    return crc


def _crc8_of_byte(byte: int) -> int:
    for _ in range(8):
        byte = (byte << 1 ^ 0x07) & 0xFF if byte & 0x80 else byte << 1
    return byte


_CRC8 = tuple(_crc8_of_byte(byte) for byte in range(256))
