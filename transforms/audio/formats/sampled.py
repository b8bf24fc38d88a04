"""Chunked containers of plain samples: WAV and its 64-bit relatives, AIFF, CAF."""

from __future__ import annotations

import struct

from tonearm.transforms.audio.formats.audio_format import AudioFormat, Decoder, starts_with
from tonearm.transforms.audio.formats.claim import Claim, ReadAt, chunks, claim_of_data

_STREAMED_SIZES = (0, 0xFFFFFFFF, 0x7FFFF000)
"""What FFmpeg, arecord and SoX put for a size that they do not know when writing into a pipe."""

_W64_RIFF_GUID = bytes.fromhex("726966662e91cf11a5d628db04c10000")
_AIFC_PCM = (b"NONE", b"twos", b"sowt", b"in24", b"in32", b"fl32", b"FL32", b"fl64", b"FL64")
_WAV_PCM_TAGS = (0x0001, 0x0003, 0xFFFE)


def _is_wav(head: bytes) -> bool:
    return head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE"


def _is_aiff(head: bytes) -> bool:
    return head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC")


def _read_wav(read_at: ReadAt, start: int, size: int) -> Claim:
    block_bytes, true_size = 0, None
    for chunk in chunks(read_at, start + 12, size, "<4sI"):
        if chunk.name == b"ds64":  # RF64: the sizes that 32 bits cannot hold
            (true_size,) = struct.unpack("<Q", read_at(chunk.offset + 8, 8))
        elif chunk.name == b"fmt ":
            block_bytes = _wav_block_bytes(read_at(chunk.offset, 16))
        elif chunk.name == b"data":
            data_bytes = chunk.size
            if data_bytes == 0xFFFFFFFF and true_size is not None:
                data_bytes = true_size
            elif data_bytes in _STREAMED_SIZES:
                return Claim()
            return claim_of_data(chunk.offset, data_bytes, block_bytes, size)
    return Claim()


def _wav_block_bytes(fmt: bytes) -> int:
    """Bytes that one sample of all channels takes; 0 for a codec that is not PCM."""
    tag, _channels, _rate_hz, _bytes_per_second, block_bytes = struct.unpack_from("<HHIIH", fmt)
    return int(block_bytes) if tag in _WAV_PCM_TAGS else 0


def _read_w64(read_at: ReadAt, start: int, size: int) -> Claim:
    block_bytes = 0
    for chunk in chunks(read_at, start + 40, size, "<16sQ", counts_header=True, alignment=8):
        if chunk.name[:4] == b"fmt ":
            block_bytes = _wav_block_bytes(read_at(chunk.offset, 16))
        elif chunk.name[:4] == b"data":
            return claim_of_data(chunk.offset, chunk.size, block_bytes, size)
    return Claim()


def _read_aiff(read_at: ReadAt, start: int, size: int) -> Claim:
    samples, cut = None, False
    for chunk in chunks(read_at, start + 12, size, ">4sI"):
        if chunk.name == b"COMM":
            common = read_at(chunk.offset, 22)
            (frames,) = struct.unpack_from(">I", common, 2)
            compression = common[18:22] if chunk.size >= 22 else b"NONE"
            samples = frames if frames and compression in _AIFC_PCM else None
        elif chunk.name == b"SSND":
            cut = chunk.offset + chunk.size > size
    return Claim(samples=samples, cut=cut)


def _read_caf(read_at: ReadAt, start: int, size: int) -> Claim:
    packet_bytes, unknown_size = 0, (1 << 64) - 1
    for chunk in chunks(read_at, start + 8, size, ">4sQ", alignment=1):
        if chunk.name == b"desc":
            codec, _flags, bytes_per_packet = struct.unpack_from(">4sII", read_at(chunk.offset, 32), 8)
            packet_bytes = bytes_per_packet if codec == b"lpcm" else 0
        elif chunk.name == b"data" and chunk.size != unknown_size:
            edit_count_bytes = 4
            return claim_of_data(
                chunk.offset + edit_count_bytes, chunk.size - edit_count_bytes, packet_bytes, size
            )
    return Claim()


FORMATS = (
    AudioFormat(
        name="wav",
        title="WAV (RIFF, RF64)",
        endings=(".wav", ".wave", ".rf64", ".bwf"),
        decoders=(Decoder.LIBSNDFILE, Decoder.FFMPEG),
        demuxer="wav",
        soundfile=("WAV", "WAVEX", "RF64"),
        is_begun_by=_is_wav,
        read_claim=_read_wav,
    ),
    AudioFormat(
        name="w64",
        title="Wave64",
        endings=(".w64",),
        decoders=(Decoder.LIBSNDFILE, Decoder.FFMPEG),
        demuxer="w64",
        soundfile=("W64",),
        is_begun_by=starts_with(_W64_RIFF_GUID),
        read_claim=_read_w64,
    ),
    AudioFormat(
        name="aiff",
        title="AIFF, AIFF-C",
        endings=(".aif", ".aiff", ".aifc"),
        decoders=(Decoder.LIBSNDFILE, Decoder.FFMPEG),
        demuxer="aiff",
        soundfile=("AIFF",),
        is_begun_by=_is_aiff,
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
        read_claim=_read_caf,
    ),
)
