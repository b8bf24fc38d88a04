"""RIFF and what grew out of it: WAV in all sizes and byte orders, Wave64, XWMA, QCP."""

from __future__ import annotations

import re
import struct

from tonearm.transforms.audio.formats.audio_format import AudioFormat, Decoder, Recogniser, starts_with
from tonearm.transforms.audio.formats.claim import Claim, ReadAt, SizeField, chunks, claim_of_data

_W64_RIFF_GUID = bytes.fromhex("726966662e91cf11a5d628db04c10000")
_W64_CHUNK_HEADER_BYTES = 24
_W64_CHUNK_GUID = bytes.fromhex("f3acd3118cd100c04f8edb8a")
_SAYS_PCM = (b"\x01\x00", b"\xfe\xff")
_PCM_TAGS = (0x0001, 0x0003, 0xFFFE)
_TRUE_SIZE_IS_ELSEWHERE = 0xFFFFFFFF
_BYTES_BEFORE_TRUE_SIZE = 8


def _is_wav(head: bytes) -> bool:
    return head[:4] in (b"RIFF", b"RF64", b"BW64") and head[8:12] == b"WAVE"


def _is_big_endian_wav(head: bytes) -> bool:
    return head[:4] == b"RIFX" and head[8:12] == b"WAVE"


def _is_form(form: bytes) -> Recogniser:
    return lambda head: head[:4] == b"RIFF" and head[8:12] == form


def _is_wavpack_before_4(head: bytes) -> bool:
    """The whole header of a WAV, and in the place of its samples what WavPack 1 to 3 made of them."""
    data = head.find(b"data", 12) + 8
    return _is_wav(head) and data >= 8 and head[data : data + 4] == b"wvpk"


def _samples_at(head: bytes) -> int | None:
    """Where a WAV that says 16-bit samples has them, if they may be the frames of another format."""
    fmt, data = head.find(b"fmt ", 12) + 8, head.find(b"data", 12) + 8
    says_pcm = fmt >= 8 and head[fmt : fmt + 2] in _SAYS_PCM and head[fmt + 14 : fmt + 16] == b"\x10\x00"
    return data if says_pcm and data >= 8 else None


def _samples_of_w64_at(head: bytes) -> int | None:
    """The same of a Wave64, whose chunks have names and sizes of 16 and 8 bytes."""
    fmt, data = head.find(b"fmt " + _W64_CHUNK_GUID) + 24, head.find(b"data" + _W64_CHUNK_GUID) + 24
    says_pcm = fmt >= 24 and head[fmt : fmt + 2] in _SAYS_PCM and head[fmt + 14 : fmt + 16] == b"\x10\x00"
    return data if says_pcm and data >= 24 else None


def _read_wav(read_at: ReadAt, start: int, size: int) -> Claim:
    return _claim_of_wav(read_at, start, size, byte_order="<")


def _read_big_endian_wav(read_at: ReadAt, start: int, size: int) -> Claim:
    return _claim_of_wav(read_at, start, size, byte_order=">")


def _claim_of_wav(read_at: ReadAt, start: int, size: int, *, byte_order: str) -> Claim:
    block_bytes, true_size, true_size_at = 0, None, 0
    for chunk in chunks(read_at, start + 12, size, f"{byte_order}4sI"):
        if chunk.name == b"ds64":  # RF64 and BW64: the sizes that 32 bits cannot hold
            true_size_at = chunk.offset + _BYTES_BEFORE_TRUE_SIZE
            (true_size,) = struct.unpack("<Q", read_at(true_size_at, 8))
        elif chunk.name == b"fmt ":
            block_bytes = _block_bytes(read_at(chunk.offset, 16), byte_order)
        elif chunk.name == b"data":
            if chunk.size == _TRUE_SIZE_IS_ELSEWHERE and true_size is not None:
                field = SizeField(true_size_at, "<Q")
                return claim_of_data(chunk.offset, true_size, block_bytes, size, bits=64, size_field=field)
            field = SizeField(chunk.offset - 4, f"{byte_order}I")
            return claim_of_data(chunk.offset, chunk.size, block_bytes, size, size_field=field)
    return Claim()


def _read_riff(read_at: ReadAt, start: int, size: int) -> Claim:
    """Of codecs whose length the size of their data does not tell: only whether all of it is there."""
    for chunk in chunks(read_at, start + 12, size, "<4sI"):
        if chunk.name == b"data":
            return claim_of_data(chunk.offset, chunk.size, 0, size)
    return Claim()


def _block_bytes(fmt: bytes, byte_order: str) -> int:
    """Bytes that one sample of all channels takes; 0 for a codec that is not PCM."""
    tag, _channels, _rate_hz, _bytes_per_second, block_bytes = struct.unpack_from(f"{byte_order}HHIIH", fmt)
    return int(block_bytes) if tag in _PCM_TAGS else 0


def _read_w64(read_at: ReadAt, start: int, size: int) -> Claim:
    block_bytes = 0
    for chunk in chunks(read_at, start + 40, size, "<16sQ", counts_header=True, alignment=8):
        if chunk.name[:4] == b"fmt ":
            block_bytes = _block_bytes(read_at(chunk.offset, 16), "<")
        elif chunk.name[:4] == b"data":
            field = SizeField(chunk.offset - 8, "<Q", _W64_CHUNK_HEADER_BYTES)
            return claim_of_data(chunk.offset, chunk.size, block_bytes, size, bits=64, size_field=field)
    return Claim()


FORMATS = (
    AudioFormat(
        name="wavpack_3",
        title="WavPack before version 4",
        endings=(),
        decoders=(),
        is_begun_by=_is_wavpack_before_4,
    ),
    AudioFormat(
        name="wav",
        title="WAV (RIFF, RF64, BW64)",
        endings=(".wav", ".wave", ".rf64", ".bwf", ".bw64"),
        decoders=(Decoder.LIBSNDFILE, Decoder.FFMPEG, Decoder.TENSORFLOW_IO),
        demuxer="wav",
        soundfile=("WAV", "WAVEX", "RF64"),
        is_begun_by=_is_wav,
        signature=re.compile(rb"(?:RIFF|RF64|BW64)....WAVE(?:fmt |ds64|bext|JUNK|LIST|PEAK)", re.DOTALL),
        read_claim=_read_wav,
        samples_at=_samples_at,
    ),
    AudioFormat(
        name="wav_big_endian",
        title="WAV in big-endian byte order (RIFX)",
        endings=(),
        decoders=(Decoder.LIBSNDFILE,),
        soundfile=("WAV", "WAVEX"),
        is_begun_by=_is_big_endian_wav,
        read_claim=_read_big_endian_wav,
    ),
    AudioFormat(
        name="w64",
        title="Wave64",
        endings=(".w64",),
        decoders=(Decoder.LIBSNDFILE, Decoder.FFMPEG),
        demuxer="w64",
        soundfile=("W64",),
        is_begun_by=starts_with(_W64_RIFF_GUID),
        signature=re.compile(re.escape(_W64_RIFF_GUID)),
        read_claim=_read_w64,
        samples_at=_samples_of_w64_at,
    ),
    AudioFormat(
        name="xwma",
        title="WMA in XWMA",
        endings=(".xwma",),
        decoders=(Decoder.FFMPEG,),
        demuxer="xwma",
        is_begun_by=_is_form(b"XWMA"),
        read_claim=_read_riff,
    ),
    AudioFormat(
        name="qcp",
        title="QCP (QCELP, EVRC)",
        endings=(".qcp",),
        decoders=(Decoder.FFMPEG,),
        demuxer="qcp",
        is_begun_by=_is_form(b"QLCM"),
        read_claim=_read_riff,
    ),
)
