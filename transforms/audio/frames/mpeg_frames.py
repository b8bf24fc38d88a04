"""Frame headers of MPEG audio (Layers I to III) and of AAC in ADTS and in LOAS."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, replace

from tonearm.transforms.audio.frames.frame_stream import FrameHeader, FrameStream, HeaderParser

_V1_LAYER3_KBPS = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_V1_LAYER2_KBPS = (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384)
_V2_KBPS = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_V1_LAYER1_KBPS = (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448)
_V2_LAYER1_KBPS = (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256)
_V1_RATES_HZ = (44100, 48000, 32000)
_ADTS_RATES_HZ = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)

_VERSION_2_5, _VERSION_2, _VERSION_1 = 0, 2, 3
_LAYER_3, _LAYER_2, _LAYER_1 = 1, 2, 3

_SHORTEST_FREE_FRAME_BYTES = 24
_LONGEST_FREE_FRAME_BYTES = 8192
"""640 kbit/s at 32 kHz, the most that libmpg123 promises to play, takes 2880 bytes per frame."""


@dataclass(frozen=True, slots=True)
class VbrHeader:
    """What an MP3 file says about its own length.

    Attributes:
        samples: Samples per channel without the encoder's delay and padding; None if not said.
        stream_bytes: Length of the stream from this header's frame on; None if not said.
    """

    samples: int | None
    stream_bytes: int | None


def parse_mpeg_header(data: bytes, offset: int) -> FrameHeader | None:
    """Parse the MPEG audio header at an offset (ISO 11172-3, 2.4.1.3), Layers II and III.

    >>> header = parse_mpeg_header(bytes.fromhex("fffb9000"), 0)  # Layer III, 128 kbit/s
    >>> header.frame_bytes, header.samples, header.sample_rate_hz
    (417, 1152, 44100)
    """
    header = _Header.parse(data, offset)
    if header is None or header.layer == _LAYER_1 or header.bitrate_index == 0:
        return None
    bits_per_second = 1000 * _kbps_table(header)[header.bitrate_index]
    return header.as_frame(header.samples // 8 * bits_per_second // header.sample_rate_hz + header.padding)


def parse_layer1_header(data: bytes, offset: int) -> FrameHeader | None:
    """Parse a header of Layer I, whose frames are counted in slots of four bytes.

    A UTF-16 text begins like one, so one frame alone proves nothing.
    """
    header = _Header.parse(data, offset)
    if header is None or header.layer != _LAYER_1 or header.bitrate_index == 0:
        return None
    bits_per_second = 1000 * _kbps_table(header)[header.bitrate_index]
    return header.as_frame(4 * (12 * bits_per_second // header.sample_rate_hz + header.padding))


class FreeFormatStream(FrameStream):
    """MPEG audio of free format: any bit rate, but the same throughout.

    A header does not say how long its frame is (ISO 11172-3, 2.4.2.3); the next one that is like it does.
    """

    def parser_at(self, data: bytes, offset: int) -> HeaderParser | None:
        """The parser that knows the length of the frame at an offset."""
        first = parse_free_format_header(data, offset)
        if first is None:
            return None
        window = data[offset : offset + _LONGEST_FREE_FRAME_BYTES]
        following = re.compile(re.escape(window[:2]) + b"[" + _class_of_third_byte(window[2]) + b"]")
        match = following.search(window, _SHORTEST_FREE_FRAME_BYTES)
        if match is None:
            return None
        unpadded_bytes = match.start() - first.frame_bytes

        def parse(data: bytes, offset: int) -> FrameHeader | None:
            header = parse_free_format_header(data, offset)
            return header and replace(header, frame_bytes=unpadded_bytes + header.frame_bytes)

        return parse


def parse_free_format_header(data: bytes, offset: int) -> FrameHeader | None:
    """Parse a header of free format; ``frame_bytes`` are those of the padding only."""
    header = _Header.parse(data, offset)
    if header is None or header.layer == _LAYER_1 or header.bitrate_index != 0:
        return None
    return header.as_frame(header.padding)


def _class_of_third_byte(byte: int) -> bytes:
    """What the third byte may be in the next frame: padding and the private bit may differ."""
    return b"".join(re.escape(bytes([byte & 0xFC | low])) for low in range(4))


@dataclass(frozen=True, slots=True)
class _Header:
    """The fields of an MPEG audio header."""

    version: int
    layer: int
    bitrate_index: int
    rate_index: int
    padding: int
    mono: bool

    @classmethod
    def parse(cls, data: bytes, offset: int) -> _Header | None:
        if len(data) < offset + 4 or data[offset] != 0xFF or data[offset + 1] & 0xE0 != 0xE0:
            return None
        version, layer = data[offset + 1] >> 3 & 3, data[offset + 1] >> 1 & 3
        bitrate_index, rate_index = data[offset + 2] >> 4, data[offset + 2] >> 2 & 3
        known_version = version in (_VERSION_1, _VERSION_2, _VERSION_2_5)
        known_layer = layer in (_LAYER_1, _LAYER_2, _LAYER_3)
        if not (known_version and known_layer and bitrate_index < 15 and rate_index < 3):
            return None
        padding, mono = data[offset + 2] >> 1 & 1, data[offset + 3] >> 6 == 3
        return cls(version, layer, bitrate_index, rate_index, padding, mono)

    @property
    def sample_rate_hz(self) -> int:
        return _V1_RATES_HZ[self.rate_index] >> {_VERSION_1: 0, _VERSION_2: 1, _VERSION_2_5: 2}[self.version]

    @property
    def samples(self) -> int:
        if self.layer == _LAYER_1:
            return 384
        return 576 if self.layer == _LAYER_3 and self.version != _VERSION_1 else 1152

    def as_frame(self, frame_bytes: int) -> FrameHeader:
        return FrameHeader(
            kind=(self.version, self.layer, self.rate_index),
            frame_bytes=frame_bytes,
            samples=self.samples,
            sample_rate_hz=self.sample_rate_hz,
            side_info_bytes=_side_info_bytes(self.version, mono=self.mono),
        )


def _kbps_table(header: _Header) -> tuple[int, ...]:
    if header.version != _VERSION_1:
        return _V2_LAYER1_KBPS if header.layer == _LAYER_1 else _V2_KBPS
    return {_LAYER_1: _V1_LAYER1_KBPS, _LAYER_2: _V1_LAYER2_KBPS, _LAYER_3: _V1_LAYER3_KBPS}[header.layer]


def _side_info_bytes(version: int, *, mono: bool) -> int:
    if version == _VERSION_1:
        return 17 if mono else 32
    return 9 if mono else 17


def parse_adts_header(data: bytes, offset: int) -> FrameHeader | None:
    """Parse the ADTS header at an offset (ISO 13818-7, 6.2).

    >>> header = parse_adts_header(bytes.fromhex("fff15080017ffc"), 0)
    >>> header.frame_bytes, header.samples, header.sample_rate_hz
    (11, 1024, 44100)
    """
    if len(data) < offset + 7 or data[offset] != 0xFF or data[offset + 1] & 0xF6 != 0xF0:
        return None
    rate_index = data[offset + 2] >> 2 & 15
    frame_bytes = (data[offset + 3] & 3) << 11 | data[offset + 4] << 3 | data[offset + 5] >> 5
    header_bytes = 7 if data[offset + 1] & 1 else 9
    if rate_index >= len(_ADTS_RATES_HZ) or frame_bytes <= header_bytes:
        return None
    raw_blocks = (data[offset + 6] & 3) + 1
    return FrameHeader(
        kind=(data[offset + 1], data[offset + 2] & 0xFC),
        frame_bytes=frame_bytes,
        samples=1024 * raw_blocks,
        sample_rate_hz=_ADTS_RATES_HZ[rate_index],
    )


def parse_loas_header(data: bytes, offset: int) -> FrameHeader | None:
    """Parse the header of a LOAS AudioSyncStream at an offset (ISO 14496-3, 1.7.2).

    >>> parse_loas_header(bytes.fromhex("56e010"), 0).frame_bytes
    19
    """
    if len(data) < offset + 3 or data[offset] != 0x56 or data[offset + 1] & 0xE0 != 0xE0:
        return None
    payload_bytes = (data[offset + 1] & 0x1F) << 8 | data[offset + 2]
    return FrameHeader(kind=("loas",), frame_bytes=3 + payload_bytes) if payload_bytes else None


def parse_vbr_header(frame: bytes, header: FrameHeader) -> VbrHeader | None:
    """Read the Xing, Info or VBRI header that encoders put into the first, silent frame of an MP3 file.

    Args:
        frame: The first frame's bytes.
        header: Its parsed header.
    """
    xing = 4 + header.side_info_bytes
    if frame[xing : xing + 4] in (b"Xing", b"Info"):
        return _parse_xing(frame[xing:], header)
    if frame[36:40] == b"VBRI" and len(frame) >= 54:
        stream_bytes, frames = struct.unpack_from(">II", frame, 46)
        return VbrHeader(frames * header.samples or None, stream_bytes or None)
    return None


def _parse_xing(tag: bytes, header: FrameHeader) -> VbrHeader | None:
    if len(tag) < 16:
        return None
    flags = int.from_bytes(tag[4:8], "big")
    has_frames, has_bytes, has_seek_table, has_quality = (bool(flags >> bit & 1) for bit in range(4))
    frames = int.from_bytes(tag[8:12], "big") if has_frames else 0
    bytes_at = 8 + 4 * has_frames
    stream_bytes = int.from_bytes(tag[bytes_at : bytes_at + 4], "big") if has_bytes else 0
    encoder_at = bytes_at + 4 * has_bytes + 100 * has_seek_table + 4 * has_quality
    trimmed = _encoder_delay_and_padding(tag[encoder_at:])
    samples = max(frames * header.samples - trimmed, 0)
    return VbrHeader(samples or None, stream_bytes or None)


def _encoder_delay_and_padding(encoder_tag: bytes) -> int:
    """Samples that a player cuts off at both ends, from LAME's tag (24 bits, 21 bytes in)."""
    if len(encoder_tag) < 24 or encoder_tag[:4] not in (b"LAME", b"Lavf", b"Lavc"):
        return 0
    both = int.from_bytes(encoder_tag[21:24], "big")
    return (both >> 12) + (both & 0xFFF)
