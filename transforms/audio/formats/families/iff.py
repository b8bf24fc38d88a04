"""IFF and its likes, big-endian chunks as Apple and Amiga have them: AIFF, CAF, 8SVX."""

from __future__ import annotations

import re
import struct
from dataclasses import replace

from tonearm.transforms.audio.formats.audio_format import AudioFormat, Decoder, Recogniser, starts_with
from tonearm.transforms.audio.formats.claim import (
    SLACK_BYTES,
    Chunk,
    Claim,
    ReadAt,
    SizeField,
    chunks,
    claim_of_data,
    is_cut,
    is_unknown_size,
)

_AIFC_PCM = (b"NONE", b"twos", b"sowt", b"in24", b"in32", b"fl32", b"FL32", b"fl64", b"FL64", b"raw ")


def _is_form(*forms: bytes) -> Recogniser:
    return lambda head: head[:4] == b"FORM" and head[8:12] in forms


def _read_aiff(read_at: ReadAt, start: int, size: int) -> Claim:
    """The common chunk counts the samples; the sound chunk is before or behind it, and may be unknown."""
    samples, cut, unknown, slack_samples, end = None, False, False, 0, None
    for chunk in chunks(read_at, start + 12, size, ">4sI"):
        if chunk.name == b"FORM":
            end = chunk.offset - 8
            break
        if chunk.name == b"COMM":
            common = read_at(chunk.offset, 22)
            channels, frames, bits = struct.unpack_from(">HIH", common)
            compression = common[18:22] if chunk.size >= 22 else b"NONE"
            unknown = unknown or is_unknown_size(frames, 32)
            samples = frames if compression in _AIFC_PCM else None
            slack_samples = SLACK_BYTES // max(channels * -(-bits // 8), 1)
        elif chunk.name == b"SSND":
            cut = is_cut(chunk.offset + chunk.size, size)
            unknown = unknown or (is_unknown_size(chunk.size, 32) and (cut or chunk.size == 0))
    return Claim(unknown=True) if unknown else Claim(samples, slack_samples, cut, next_at=end)


def _read_caf(read_at: ReadAt, start: int, size: int) -> Claim:
    packet_bytes, edit_count_bytes = 0, 4
    for chunk in chunks(read_at, start + 8, size, ">4sQ", alignment=1):
        if chunk.name == b"desc":
            codec, _flags, bytes_per_packet = struct.unpack_from(">4sII", read_at(chunk.offset, 32), 8)
            packet_bytes = bytes_per_packet if codec == b"lpcm" else 0
        elif chunk.name == b"data":
            field = SizeField(chunk.offset - 8, ">Q", edit_count_bytes)
            offset, data_bytes = chunk.offset + edit_count_bytes, max(chunk.size - edit_count_bytes, 0)
            claim = claim_of_data(offset, data_bytes, packet_bytes, size, bits=64, size_field=field)
            return replace(claim, next_at=_end_of_caf(read_at, chunk, size))
    return Claim()


def _end_of_caf(read_at: ReadAt, data: Chunk, size: int) -> int | None:
    """Where another header follows the chunks; there is no size of all of them."""
    rest = chunks(read_at, data.offset + data.size, size, ">4sQ", alignment=1)
    return next((chunk.offset - 12 for chunk in rest if chunk.name == b"caff"), None)


def _read_svx(read_at: ReadAt, start: int, size: int) -> Claim:
    spans = chunks(read_at, start + 12, size, ">4sI")
    bodies = [span for span in spans if span.name in (b"BODY", b"MDAT")]
    return Claim(cut=any(is_cut(span.offset + span.size, size) for span in bodies))


FORMATS = (
    AudioFormat(
        name="aiff",
        title="AIFF, AIFF-C",
        endings=(".aif", ".aiff", ".aifc"),
        decoders=(Decoder.LIBSNDFILE, Decoder.FFMPEG),
        demuxer="aiff",
        soundfile=("AIFF",),
        is_begun_by=_is_form(b"AIFF", b"AIFC"),
        signature=re.compile(rb"FORM....AIF[FC](?:COMM|FVER|NAME|COMT|SSND)", re.DOTALL),
        read_claim=_read_aiff,
    ),
    AudioFormat(
        name="caf",
        title="Core Audio Format",
        endings=(".caf",),
        decoders=(Decoder.LIBSNDFILE, Decoder.FFMPEG),
        demuxer="caf",
        soundfile=("CAF",),
        is_begun_by=starts_with(b"caff\x00\x01"),
        signature=re.compile(rb"caff\x00\x01\x00\x00desc"),
        read_claim=_read_caf,
    ),
    AudioFormat(
        name="svx",
        title="Amiga 8SVX, 16SV",
        endings=(".8svx", ".svx", ".16sv"),
        decoders=(Decoder.LIBSNDFILE, Decoder.FFMPEG),
        demuxer="iff",
        soundfile=("SVX",),
        is_begun_by=_is_form(b"8SVX", b"16SV"),
        read_claim=_read_svx,
    ),
    AudioFormat(
        name="maud",
        title="Amiga MAUD",
        endings=(".maud",),
        decoders=(Decoder.FFMPEG,),
        demuxer="iff",
        is_begun_by=_is_form(b"MAUD"),
        read_claim=_read_svx,
    ),
)
