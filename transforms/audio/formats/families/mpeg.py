"""Streams of MPEG audio frames without a container around them: Layers I to III, AAC in ADTS and LOAS."""

from __future__ import annotations

import re

from tonearm.transforms.audio.formats.audio_format import AudioFormat, Decoder
from tonearm.transforms.audio.formats.claim import LONGEST_PLAUSIBLE_S, Claim, ReadAt
from tonearm.transforms.audio.formats.stream_tail import cut_of_stream
from tonearm.transforms.audio.frames.frame_stream import FrameStream
from tonearm.transforms.audio.frames.mpeg_frames import (
    FreeFormatStream,
    parse_adts_header,
    parse_free_format_header,
    parse_layer1_header,
    parse_loas_header,
    parse_mpeg_header,
    parse_vbr_header,
)

_HEAD_BYTES = 64 * 1024
_TRIM_SLACK_SAMPLES = 4 * 1152

_MPEG_FRAMES = FrameStream(
    re.compile(rb"\xff[\xe2-\xff]"), parse_mpeg_header, header_bytes=7, fewest_frames=1
)
_LAYER1_FRAMES = FrameStream(
    re.compile(rb"\xff[\xe6\xe7\xf6\xf7\xfe\xff]"), parse_layer1_header, header_bytes=4, searched=False
)
_FREE_FRAMES = FreeFormatStream(
    re.compile(rb"\xff[\xe2-\xe5\xf2-\xf5\xfa-\xfd][\x00-\x0f]"),
    parse_free_format_header,
    header_bytes=4,
    searched=False,
)
_ADTS_FRAMES = FrameStream(
    re.compile(rb"\xff[\xf0\xf1\xf8\xf9]"), parse_adts_header, header_bytes=7, fewest_frames=1
)
_LOAS_FRAMES = FrameStream(re.compile(rb"\x56[\xe0-\xff]"), parse_loas_header, header_bytes=3)


def _read_mp3(read_at: ReadAt, start: int, size: int) -> Claim:
    """The Xing, Info or VBRI header counts frames; the byte count beside it is often wrong, and not asked."""
    head = read_at(start, _HEAD_BYTES)
    first = _MPEG_FRAMES.find_first_frame(head, whole=len(head) < _HEAD_BYTES)
    header = parse_mpeg_header(head, first) if first is not None else None
    if first is None or header is None:
        return Claim()
    cut = cut_of_stream(_MPEG_FRAMES)(read_at, start, size).cut
    vbr = parse_vbr_header(head[first : first + header.frame_bytes], header)
    if vbr is None or vbr.samples is None:
        return Claim(cut=cut)
    is_absurd = vbr.samples / header.sample_rate_hz > LONGEST_PLAUSIBLE_S
    return Claim(None if is_absurd else vbr.samples, _TRIM_SLACK_SAMPLES, cut)


FORMATS = (
    AudioFormat(
        name="mp3",
        title="MPEG audio (MP3, MP2)",
        endings=(".mp3", ".mp2", ".mpa", ".mpga", ".m2a", ".mp2a", ".mpeg3"),
        decoders=(Decoder.LIBSNDFILE, Decoder.FFMPEG, Decoder.TENSORFLOW_IO),
        demuxer="mp3",
        soundfile=("MP3",),
        frames=_MPEG_FRAMES,
        read_claim=_read_mp3,
        states_length=False,
        skips_tags=True,
        hides_in_samples=True,
    ),
    AudioFormat(
        name="adts",
        title="AAC in ADTS",
        endings=(".aac", ".adts"),
        decoders=(Decoder.FFMPEG,),
        demuxer="aac",
        frames=_ADTS_FRAMES,
        read_claim=cut_of_stream(_ADTS_FRAMES),
        states_length=False,
        skips_tags=True,
    ),
    AudioFormat(
        name="loas",
        title="AAC in LOAS/LATM",
        endings=(".loas", ".latm"),
        decoders=(Decoder.FFMPEG,),
        demuxer="loas",
        frames=_LOAS_FRAMES,
        read_claim=cut_of_stream(_LOAS_FRAMES),
        states_length=False,
    ),
    AudioFormat(
        name="mp1",
        title="MPEG audio Layer I",
        endings=(".mp1", ".m1a"),
        decoders=(Decoder.FFMPEG, Decoder.LIBSNDFILE),
        demuxer="mp3",
        soundfile=("MP3",),
        frames=_LAYER1_FRAMES,
        read_claim=cut_of_stream(_LAYER1_FRAMES),
        states_length=False,
    ),
    AudioFormat(
        name="mp3_free_format",
        title="MPEG audio of free format",
        endings=(),
        decoders=(Decoder.LIBSNDFILE,),
        soundfile=("MP3",),
        frames=_FREE_FRAMES,
        states_length=False,
        skips_tags=True,
    ),
)
