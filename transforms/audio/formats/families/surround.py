"""Dolby's and DTS's streams, as discs and broadcasts carry them."""

from __future__ import annotations

import re

from tonearm.transforms.audio.formats.audio_format import AudioFormat, Decoder, starts_with
from tonearm.transforms.audio.formats.stream_tail import cut_of_stream
from tonearm.transforms.audio.frames.frame_stream import FrameStream
from tonearm.transforms.audio.frames.surround_frames import (
    DTS_SYNCS,
    parse_ac3_header,
    parse_dts_header,
    parse_eac3_header,
)

_AC3_FRAMES = FrameStream(re.compile(rb"\x0b\x77|\x77\x0b"), parse_ac3_header, header_bytes=6)
_EAC3_FRAMES = FrameStream(re.compile(rb"\x0b\x77"), parse_eac3_header, header_bytes=6)
_DTS_FRAMES = FrameStream(re.compile(b"|".join(map(re.escape, DTS_SYNCS))), parse_dts_header, header_bytes=16)

_IEC61937_SYNCS = (b"\x72\xf8\x1f\x4e", b"\xf8\x72\x4e\x1f")
_IEC61937_SYNC = re.compile(b"|".join(map(re.escape, _IEC61937_SYNCS)))
_TRUEHD_SYNC, _MLP_SYNC = b"\xf8\x72\x6f\xba", b"\xf8\x72\x6f\xbb"


_BURSTS_IN_A_ROW = 3
_LONGEST_PERIOD_BYTES = 32 * 1024


def _is_iec61937(head: bytes) -> bool:
    """Bursts as a digital cable carries them, in either byte order."""
    return any(head.startswith(sync) and _repeats(head, sync) for sync in _IEC61937_SYNCS)


def _is_padded_dts(head: bytes) -> bool:
    """DTS as a compact disc has it: frames with silence in between, so that they keep the disc's pace."""
    return any(head.startswith(sync) and _repeats(head, sync[:4]) for sync in DTS_SYNCS)


def _repeats(head: bytes, sync: bytes) -> bool:
    """True if the sync word that some bytes begin with comes again and again at one distance."""
    distance = head.find(sync, len(sync), _LONGEST_PERIOD_BYTES)
    following = range(distance, len(head), distance)[1:_BURSTS_IN_A_ROW] if distance > 0 else range(0)
    return len(following) > 0 and all(head.startswith(sync, at) for at in following)


FORMATS = (
    AudioFormat(
        name="ac3",
        title="Dolby Digital (AC-3)",
        endings=(".ac3",),
        decoders=(Decoder.FFMPEG,),
        demuxer="ac3",
        frames=_AC3_FRAMES,
        read_claim=cut_of_stream(_AC3_FRAMES),
        states_length=False,
        hides_in_samples=True,
        sync=_AC3_FRAMES.sync,
    ),
    AudioFormat(
        name="eac3",
        title="Dolby Digital Plus (E-AC-3)",
        endings=(".eac3", ".ec3"),
        decoders=(Decoder.FFMPEG,),
        demuxer="eac3",
        frames=_EAC3_FRAMES,
        read_claim=cut_of_stream(_EAC3_FRAMES),
        states_length=False,
        hides_in_samples=True,
        sync=_EAC3_FRAMES.sync,
    ),
    AudioFormat(
        name="dts",
        title="DTS",
        endings=(".dts", ".dtsma"),
        decoders=(Decoder.FFMPEG,),
        demuxer="dts",
        is_begun_by=_is_padded_dts,
        frames=_DTS_FRAMES,
        read_claim=cut_of_stream(_DTS_FRAMES),
        states_length=False,
        hides_in_samples=True,
        sync=_DTS_FRAMES.sync,
    ),
    AudioFormat(
        name="dts_hd",
        title="DTS-HD",
        endings=(".dtshd",),
        decoders=(Decoder.FFMPEG,),
        demuxer="dtshd",
        is_begun_by=starts_with(b"DTSHDHDR"),
    ),
    AudioFormat(
        name="truehd",
        title="Dolby TrueHD",
        endings=(".thd", ".truehd"),
        decoders=(Decoder.FFMPEG,),
        demuxer="truehd",
        is_begun_by=lambda head: head[4:8] == _TRUEHD_SYNC,
        states_length=False,
        is_inside=lambda piece: _TRUEHD_SYNC in piece,
    ),
    AudioFormat(
        name="mlp",
        title="Meridian Lossless Packing",
        endings=(".mlp",),
        decoders=(Decoder.FFMPEG,),
        demuxer="mlp",
        is_begun_by=lambda head: head[4:8] == _MLP_SYNC,
        states_length=False,
        is_inside=lambda piece: _MLP_SYNC in piece,
    ),
    AudioFormat(
        name="iec61937",
        title="AC-3 or DTS as on a digital cable (IEC 61937)",
        endings=(".spdif",),
        decoders=(Decoder.FFMPEG,),
        demuxer="spdif",
        is_begun_by=_is_iec61937,
        states_length=False,
        is_inside=lambda piece: _IEC61937_SYNC.search(piece) is not None or not any(piece),
        hides_in_samples=True,
        sync=_IEC61937_SYNC,
    ),
)
