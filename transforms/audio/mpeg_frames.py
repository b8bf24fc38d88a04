"""Frame headers of MPEG audio (MP3) and ADTS (AAC): streams of frames without a container around them."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

FRAMES_IN_A_ROW = 3
"""So many frame headers must agree before bytes pass for a stream."""

LONGEST_HEADER_BYTES = 7

_V1_LAYER3_KBPS = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_V1_LAYER2_KBPS = (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384)
_V2_KBPS = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_V1_RATES_HZ = (44100, 48000, 32000)
_ADTS_RATES_HZ = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)

_VERSION_2_5, _VERSION_2, _VERSION_1 = 0, 2, 3
_LAYER_3, _LAYER_2 = 1, 2


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """One frame of a bare stream.

    Attributes:
        kind: What all frames of one stream have in common, to be compared only.
        frame_bytes: Length of the frame with its header.
        samples: Samples per channel that the frame decodes to.
        sample_rate_hz: Sample rate.
        side_info_bytes: Length of the side information between header and data (Layer III only).
    """

    kind: tuple[int, ...]
    frame_bytes: int
    samples: int
    sample_rate_hz: int
    side_info_bytes: int = 0


@dataclass(frozen=True, slots=True)
class VbrHeader:
    """What an MP3 file says about its own length.

    Attributes:
        samples: Samples per channel without the encoder's delay and padding; None if not said.
        stream_bytes: Length of the stream from this header's frame on; None if not said.
    """

    samples: int | None
    stream_bytes: int | None


HeaderParser = Callable[[bytes, int], FrameHeader | None]


def parse_mpeg_header(data: bytes, offset: int) -> FrameHeader | None:
    """Parse the MPEG audio header at an offset (ISO 11172-3, 2.4.1.3), Layers II and III.

    Layer I is left out because a UTF-16 text begins like one; free format because no player writes it.
    """
    if len(data) < offset + 4 or data[offset] != 0xFF or data[offset + 1] & 0xE0 != 0xE0:
        return None
    version, layer = data[offset + 1] >> 3 & 3, data[offset + 1] >> 1 & 3
    bitrate_index, rate_index = data[offset + 2] >> 4, data[offset + 2] >> 2 & 3
    known_version = version in (_VERSION_1, _VERSION_2, _VERSION_2_5)
    known_layer = layer in (_LAYER_2, _LAYER_3)
    if not (known_version and known_layer and 0 < bitrate_index < 15 and rate_index < 3):
        return None
    sample_rate_hz = _V1_RATES_HZ[rate_index] >> {_VERSION_1: 0, _VERSION_2: 1, _VERSION_2_5: 2}[version]
    samples = 576 if layer == _LAYER_3 and version != _VERSION_1 else 1152
    bits_per_second = 1000 * _kbps_table(version, layer)[bitrate_index]
    padding = data[offset + 2] >> 1 & 1
    mono = data[offset + 3] >> 6 == 3
    return FrameHeader(
        kind=(version, layer, rate_index),
        frame_bytes=samples // 8 * bits_per_second // sample_rate_hz + padding,
        samples=samples,
        sample_rate_hz=sample_rate_hz,
        side_info_bytes=_side_info_bytes(version, mono=mono),
    )


def _kbps_table(version: int, layer: int) -> tuple[int, ...]:
    if version != _VERSION_1:
        return _V2_KBPS
    return _V1_LAYER3_KBPS if layer == _LAYER_3 else _V1_LAYER2_KBPS


def _side_info_bytes(version: int, *, mono: bool) -> int:
    if version == _VERSION_1:
        return 17 if mono else 32
    return 9 if mono else 17


def parse_adts_header(data: bytes, offset: int) -> FrameHeader | None:
    """Parse the ADTS header at an offset (ISO 13818-7, 6.2)."""
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


def find_first_frame(data: bytes, parse: HeaderParser, *, whole: bool) -> int | None:
    """Offset of the first of several frames that stand end to end, or None.

    Args:
        data: The start of a stream, or all of it; junk may come first.
        parse: ``parse_mpeg_header`` or ``parse_adts_header``.
        whole: True if the file ends where ``data`` ends, so that a short file need not have several frames.
    """
    offset = data.find(b"\xff")
    while offset >= 0:
        if _frames_follow(data, offset, parse, whole=whole):
            return offset
        offset = data.find(b"\xff", offset + 1)
    return None


def _frames_follow(data: bytes, offset: int, parse: HeaderParser, *, whole: bool) -> bool:
    """True if frames of one kind stand end to end from here: several, or up to the end of a short file."""
    first = parse(data, offset)
    if first is None:
        return False
    header: FrameHeader | None = first
    position = offset
    for number in range(FRAMES_IN_A_ROW):
        if header is None or header.kind != first.kind:
            return False
        position += header.frame_bytes
        if position + LONGEST_HEADER_BYTES > len(data):
            only_frame = number == 0
            return whole and (offset == 0 and position <= len(data) if only_frame else True)
        header = parse(data, position)
    return True


def last_frame_is_cut(tail: bytes, parse: HeaderParser) -> bool:
    """True if the last frame's header announces more bytes than there are.

    Args:
        tail: The end of a stream without the tags behind it; long enough for several frames.
        parse: ``parse_mpeg_header`` or ``parse_adts_header``.
    """
    position = find_first_frame(tail, parse, whole=False)
    if position is None:
        return False
    while position < len(tail):
        header = parse(tail, position)
        if header is None:
            cut_inside_header = len(tail) - position < LONGEST_HEADER_BYTES and tail[position] == 0xFF
            return cut_inside_header
        position += header.frame_bytes
    return position > len(tail)


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
