"""The frames of a FLAC file, found by their headers: where the last one ends, and how long they are together.

STREAMINFO's count of samples is a claim, which tools that write into a pipe leave at zero or get wrong, and
libsndfile reads no further. A frame's own header says where in the track it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tonearm.transforms.audio.formats.claim import ReadAt

_TAIL_BYTES = 128 * 1024
"""Longer than any frame but those of 8 channels in 24 bits and of the longest kind."""

_READ_BYTES = 1 << 20
_LONGEST_HEADER_BYTES = 16
_STREAM_INFO_BYTES = 8 + 34
_SYNC = re.compile(rb"\xff[\xf8\xf9]")
_BLOCK_SAMPLES = (0, 192, 576, 1152, 2304, 4608, 0, 0, *(256 << power for power in range(8)))
_RATES_HZ = (0, 88200, 176400, 192000, 8000, 16000, 22050, 24000, 32000, 44100, 48000, 96000)
_SAMPLES_IN_8_BITS, _SAMPLES_IN_16_BITS = 6, 7


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a frame stands in the track, in samples per channel, and its rate; 0 if STREAMINFO says that."""

    first_sample: int
    samples: int
    rate_hz: int

    @property
    def end(self) -> int:
        """The first sample behind it."""
        return self.first_sample + self.samples


def last_frame(read_at: ReadAt, start: int, size: int) -> Frame | None:
    """The last frame; None if there is none near the end of the file.

    Args:
        read_at: Reads bytes at an offset.
        start: Where the format begins, behind leading tags.
        size: The file's size in bytes.
    """
    frames = list(_frames(read_at, start, max(start + _STREAM_INFO_BYTES, size - _TAIL_BYTES)))
    return frames[-1] if frames else None


def samples_of_all_frames(read_at: ReadAt, start: int) -> int | None:
    """Samples per channel of all frames, or up to the end of the last one if that is more.

    Frames that stand in the file twice, as in two files that were joined, count twice. Reads all of the file.
    """
    frames = list(_frames(read_at, start, start + _STREAM_INFO_BYTES))
    return max(sum(frame.samples for frame in frames), frames[-1].end) if frames else None


def _frames(read_at: ReadAt, start: int, offset: int) -> Iterator[Frame]:
    """The frames from an offset on; a header counts if its checksum is right."""
    block_samples = int.from_bytes(read_at(start + 10, 2), "big")
    while len(data := read_at(offset, _READ_BYTES)) > _LONGEST_HEADER_BYTES:
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
    number_bytes = max(
        8 - (header[4] ^ 0xFF).bit_length(), 1
    )  # as in UTF-8: the leading ones count the bytes
    number = header[4] & (0x7F if number_bytes == 1 else 0x7F >> number_bytes)
    for byte in header[5 : 4 + number_bytes]:
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
    is_numbered_by_samples = header[1] & 1
    first_sample = number if is_numbered_by_samples else number * block_samples
    return Frame(first_sample, samples, _RATES_HZ[rate_code] if rate_code < len(_RATES_HZ) else 0)


def _crc8(data: bytes) -> int:
    """The checksum of a frame header: polynomial x^8 + x^2 + x + 1."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x07) & 0xFF if crc & 0x80 else crc << 1
    return crc
