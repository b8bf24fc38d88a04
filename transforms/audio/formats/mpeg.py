"""Streams of MPEG audio frames without a container around them: MP3, MP2 and AAC in ADTS."""

from __future__ import annotations

import struct

from tonearm.transforms.audio.formats.audio_format import AudioFormat, Decoder
from tonearm.transforms.audio.formats.claim import Claim, ReadAt
from tonearm.transforms.audio.mpeg_frames import (
    HeaderParser,
    find_first_frame,
    last_frame_is_cut,
    parse_adts_header,
    parse_mpeg_header,
    parse_vbr_header,
)

_HEAD_BYTES = 64 * 1024
_TAIL_BYTES = 32 * 1024
_TRIM_SLACK_SAMPLES = 4 * 1152


def _read_mp3(read_at: ReadAt, start: int, size: int) -> Claim:
    head = read_at(start, _HEAD_BYTES)
    first = find_first_frame(head, parse_mpeg_header, whole=len(head) < _HEAD_BYTES)
    header = parse_mpeg_header(head, first) if first is not None else None
    if first is None or header is None:
        return Claim()
    cut = _tail_is_cut(read_at, start, size, parse_mpeg_header)
    vbr = parse_vbr_header(head[first : first + header.frame_bytes], header)
    if vbr is None:
        return Claim(cut=cut)
    ends_early = vbr.stream_bytes is not None and start + first + vbr.stream_bytes > size
    return Claim(vbr.samples, _TRIM_SLACK_SAMPLES, cut or ends_early)


def _read_adts(read_at: ReadAt, start: int, size: int) -> Claim:
    return Claim(cut=_tail_is_cut(read_at, start, size, parse_adts_header))


def _tail_is_cut(read_at: ReadAt, start: int, size: int, parse: HeaderParser) -> bool:
    end = _start_of_trailing_tags(read_at, size)
    tail_start = max(start, end - _TAIL_BYTES)
    return last_frame_is_cut(read_at(tail_start, end - tail_start), parse)


def _start_of_trailing_tags(read_at: ReadAt, size: int) -> int:
    """Offset of the ID3v1 and APEv2 tags that a stream may end with; the file's size without any."""
    end = size
    if end >= 128 and read_at(end - 128, 3) == b"TAG":
        end -= 128
    footer = read_at(end - 32, 32) if end >= 32 else b""
    if footer[:8] == b"APETAGEX":
        body_and_footer, _, flags = struct.unpack_from("<III", footer, 12)
        has_header = flags >> 31
        end -= body_and_footer + 32 * has_header
    return max(end, 0)


FORMATS = (
    AudioFormat(
        name="mp3",
        title="MPEG audio (MP3, MP2)",
        endings=(".mp3", ".mp2"),
        decoders=(Decoder.LIBSNDFILE, Decoder.FFMPEG),
        demuxer="mp3",
        soundfile=("MP3",),
        parse_frame=parse_mpeg_header,
        read_claim=_read_mp3,
        states_length=False,
        skips_tags=True,
    ),
    AudioFormat(
        name="adts",
        title="AAC in ADTS",
        endings=(".aac",),
        decoders=(Decoder.FFMPEG,),
        demuxer="aac",
        parse_frame=parse_adts_header,
        read_claim=_read_adts,
        states_length=False,
        skips_tags=True,
    ),
)
