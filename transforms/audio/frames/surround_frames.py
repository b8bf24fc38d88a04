"""Frame headers of Dolby's and DTS's streams."""

from __future__ import annotations

from tonearm.transforms.audio.frames.frame_stream import FrameHeader

_AC3_KBPS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)
_AC3_RATES_HZ = (48000, 44100, 32000)
_LAST_AC3_VERSION, _LAST_EAC3_VERSION = 10, 16

DTS_SYNCS = (b"\x7f\xfe\x80\x01", b"\xfe\x7f\x01\x80", b"\x1f\xff\xe8\x00\x07", b"\xff\x1f\x00\xe8")
"""The core's sync word in words of 16 bits and of 14, each big-endian and little-endian."""

_DTS_EXTENSION_SYNC = b"\x64\x58\x20\x25"


def parse_ac3_header(data: bytes, offset: int) -> FrameHeader | None:
    """Parse the header of an AC-3 frame at an offset (ATSC A/52, 5.3)."""
    sync, header = data[offset : offset + 2], data[offset : offset + 6]
    if sync == b"\x77\x0b":  # words of 16 bits in the other byte order, which FFmpeg puts right
        header = swapped_words(header)
    if len(header) < 6 or header[:2] != b"\x0b\x77":
        return None
    rate_index, size_code, version = header[4] >> 6, header[4] & 0x3F, header[5] >> 3
    if rate_index > 2 or size_code // 2 >= len(_AC3_KBPS) or version > _LAST_AC3_VERSION:
        return None
    rate_hz, kbps = _AC3_RATES_HZ[rate_index], _AC3_KBPS[size_code // 2]
    words = 96 * 1000 * kbps // rate_hz + (size_code % 2 if rate_index == 1 else 0)
    return FrameHeader(
        kind=(sync[0], rate_index), frame_bytes=2 * words, samples=1536, sample_rate_hz=rate_hz
    )


def parse_eac3_header(data: bytes, offset: int) -> FrameHeader | None:
    """Parse the header of an E-AC-3 frame at an offset (ATSC A/52, annex E)."""
    if len(data) < offset + 6 or data[offset : offset + 2] != b"\x0b\x77":
        return None
    if not _LAST_AC3_VERSION < data[offset + 5] >> 3 <= _LAST_EAC3_VERSION:
        return None
    words = ((data[offset + 2] & 7) << 8 | data[offset + 3]) + 1
    return FrameHeader(kind=("eac3", data[offset + 4] >> 6), frame_bytes=2 * words)


def parse_dts_header(data: bytes, offset: int) -> FrameHeader | None:
    """Parse the header of a DTS core frame, and of the extension that may follow it (ETSI TS 102 114)."""
    sync = data[offset : offset + 4]
    kind = next((number for number, known in enumerate(DTS_SYNCS) if sync == known[:4]), None)
    if kind is None or len(data) < offset + 16:
        return None
    header = _as_big_endian_16_bit(data[offset : offset + 16], kind)
    frame_bytes = (int.from_bytes(header[4:12], "big") >> 36 & 0x3FFF) + 1
    if frame_bytes < 96:
        return None
    if kind >= 2:  # 14 bits of each word count
        frame_bytes = 2 * -(-frame_bytes * 8 // 14)
    extension_bytes = _dts_extension_bytes(data, offset + frame_bytes)
    return FrameHeader(kind=("dts", kind), frame_bytes=frame_bytes + extension_bytes)


def _as_big_endian_16_bit(words: bytes, kind: int) -> bytes:
    """A core header of any of the four kinds as the first one has it."""
    if kind in (1, 3):
        words = swapped_words(words)
    if kind < 2:
        return words
    bits = 0
    for at in range(0, len(words), 2):
        bits = bits << 14 | int.from_bytes(words[at : at + 2], "big") & 0x3FFF
    return (bits << 16).to_bytes(16, "big")


def swapped_words(data: bytes) -> bytes:
    """The same words of 16 bits in the other byte order."""
    return b"".join(data[at : at + 2][::-1] for at in range(0, len(data), 2))


def _dts_extension_bytes(data: bytes, offset: int) -> int:
    """Length of the extension at an offset; 0 if there is none."""
    if data[offset : offset + 4] != _DTS_EXTENSION_SYNC or len(data) < offset + 10:
        return 0
    fields = int.from_bytes(data[offset + 4 : offset + 10], "big")
    long_form = fields >> 37 & 1
    return int((fields >> 5 & 0xFFFFF) if long_form else (fields >> 13 & 0xFFFF)) + 1
