"""Lossless codecs with a container of their own, those of one bit per sample (DSD) among them."""

from __future__ import annotations

import re
import struct

from tonearm.transforms.audio.formats.audio_format import AudioFormat, Decoder, starts_with
from tonearm.transforms.audio.formats.block_chain import without_damage
from tonearm.transforms.audio.formats.claim import Claim, ReadAt, chunks

_FLAC_BYTES_OF_SILENCE = 10
_FLAC_BLOCK_SAMPLES = 65535
"""The shortest frame, of one value throughout, decodes to so many samples: a file cannot hold more."""

_TTA_HEADER_BYTES, _TTA_MOST_FRAMES = 22, 1 << 20
_WAVPACK_UNKNOWN = 0xFFFFFFFF
_WAVPACK_HEADER_BYTES, _WAVPACK_LONGEST_BYTES = 32, 1 << 20
_DSF_BLOCK_SAMPLES = 4096
"""Samples of FFmpeg, which makes one of eight bits, in the padding of a channel's last block."""


def _read_flac(read_at: ReadAt, start: int, size: int) -> Claim:
    """STREAMINFO is the first block: 36 bits, 21 bytes in, count the samples; 0 is unknown (RFC 9639)."""
    samples = int.from_bytes(read_at(start + 18, 8), "big") & (1 << 36) - 1
    most = (size // _FLAC_BYTES_OF_SILENCE + 1) * _FLAC_BLOCK_SAMPLES
    return Claim(samples=samples) if 0 < samples <= most else Claim(unknown=True)


def _read_wavpack(read_at: ReadAt, start: int, size: int) -> Claim:
    """The first block's header counts the samples, in 40 bits of which the high ones are elsewhere."""
    high, low = struct.unpack("<BI", read_at(start + 11, 5))
    samples = None if low == _WAVPACK_UNKNOWN else low + (high << 32) - high
    damage = without_damage(read_at, start, size, b"wvpk", _WAVPACK_HEADER_BYTES, _wavpack_block_bytes)
    return Claim(samples=samples, corrections=damage)


def _wavpack_block_bytes(header: bytes) -> int | None:
    """The length counts what follows it; the version is one of WavPack 4 or 5."""
    if len(header) < _WAVPACK_HEADER_BYTES or header[:4] != b"wvpk":
        return None
    length, version = struct.unpack_from("<IH", header, 4)
    is_plausible = _WAVPACK_HEADER_BYTES - 8 <= length <= _WAVPACK_LONGEST_BYTES and 0x402 <= version <= 0x410
    return int(length) + 8 if is_plausible else None


def _read_tta(read_at: ReadAt, start: int, size: int) -> Claim:
    """Rate and samples give the frames, of 256/245 s each, whose lengths are a table behind the header."""
    del size
    rate_hz, samples = struct.unpack("<II", read_at(start + 10, 8))
    frames = -(-samples * 245 // (256 * rate_hz)) if rate_hz else 0
    if not 0 < frames <= _TTA_MOST_FRAMES:
        return Claim(samples=samples or None)
    table = read_at(start + _TTA_HEADER_BYTES, 4 * frames)
    first_frame = start + _TTA_HEADER_BYTES + 4 * frames + 4
    return Claim(samples, next_at=first_frame + sum(length for (length,) in struct.iter_unpack("<I", table)))


def _read_ape(read_at: ReadAt, start: int, size: int) -> Claim:
    """The header behind the descriptor counts frames and what is in the last one (files since 3.98 only)."""
    del size
    head = read_at(start, 4096)
    (version,) = struct.unpack_from("<H", head, 4)
    if version < 3980:
        return Claim()
    (descriptor_bytes,) = struct.unpack_from("<I", head, 8)
    blocks_per_frame, final_blocks, frames = struct.unpack_from("<III", head, descriptor_bytes + 4)
    return Claim(samples=(frames - 1) * blocks_per_frame + final_blocks if frames else None)


def _read_dsf(read_at: ReadAt, start: int, size: int) -> Claim:
    """The format chunk, at 28, counts the bits of a channel, of which FFmpeg makes a sample of eight each."""
    (bits,) = struct.unpack("<Q", read_at(start + 64, 8))
    (data_bytes,) = struct.unpack("<Q", read_at(start + 84, 8))
    return Claim(bits // 8 or None, _DSF_BLOCK_SAMPLES, cut=start + 80 + data_bytes > size)


def _read_dff(read_at: ReadAt, start: int, size: int) -> Claim:
    spans = chunks(read_at, start + 16, size, ">4sQ")
    return Claim(
        cut=any(span.name in (b"DSD ", b"DST ") and span.offset + span.size > size for span in spans)
    )


def _is_dff(head: bytes) -> bool:
    return head[:4] == b"FRM8" and head[12:16] == b"DSD "


FORMATS = (
    AudioFormat(
        name="flac",
        title="FLAC",
        endings=(".flac", ".fla"),
        decoders=(Decoder.LIBSNDFILE, Decoder.FFMPEG, Decoder.TENSORFLOW_IO),
        demuxer="flac",
        soundfile=("FLAC",),
        is_begun_by=starts_with(b"fLaC"),
        signature=re.compile(rb"fLaC[\x00\x80]\x00\x00\x22"),
        read_claim=_read_flac,
        skips_tags=True,
    ),
    AudioFormat(
        name="wavpack",
        title="WavPack",
        endings=(".wv",),
        decoders=(Decoder.FFMPEG,),
        demuxer="wv",
        is_begun_by=starts_with(b"wvpk"),
        signature=re.compile(rb"wvpk...[\x00\x01][\x02-\x10]\x04", re.DOTALL),
        read_claim=_read_wavpack,
    ),
    AudioFormat(
        name="ape",
        title="Monkey's Audio",
        endings=(".ape",),
        decoders=(Decoder.FFMPEG,),
        demuxer="ape",
        is_begun_by=starts_with(b"MAC "),
        read_claim=_read_ape,
    ),
    AudioFormat(
        name="tta",
        title="True Audio (TTA)",
        endings=(".tta",),
        decoders=(Decoder.FFMPEG,),
        demuxer="tta",
        is_begun_by=starts_with(b"TTA1"),
        signature=re.compile(rb"TTA1[\x01\x02]\x00"),
        read_claim=_read_tta,
    ),
    AudioFormat(
        name="tak",
        title="TAK",
        endings=(".tak",),
        decoders=(Decoder.FFMPEG,),
        demuxer="tak",
        is_begun_by=starts_with(b"tBaK"),
    ),
    AudioFormat(
        name="shorten",
        title="Shorten",
        endings=(".shn",),
        decoders=(Decoder.FFMPEG,),
        demuxer="shn",
        is_begun_by=starts_with(b"ajkg"),
        states_length=False,
    ),
    AudioFormat(
        name="dsf",
        title="DSD in DSF",
        endings=(".dsf",),
        decoders=(Decoder.FFMPEG,),
        demuxer="dsf",
        is_begun_by=starts_with(b"DSD "),
        read_claim=_read_dsf,
    ),
    AudioFormat(
        name="dff",
        title="DSD in DSDIFF",
        endings=(".dff",),
        decoders=(Decoder.FFMPEG,),
        demuxer="iff",
        is_begun_by=_is_dff,
        read_claim=_read_dff,
    ),
    AudioFormat(
        name="wsd",
        title="DSD in Wideband Single-bit Data",
        endings=(".wsd",),
        decoders=(Decoder.FFMPEG,),
        demuxer="wsd",
        is_begun_by=starts_with(b"1bit"),
    ),
    AudioFormat(
        name="bonk",
        title="Bonk",
        endings=(".bonk",),
        decoders=(Decoder.FFMPEG,),
        demuxer="bonk",
        is_begun_by=starts_with(b"\0BONK"),
    ),
    AudioFormat(
        name="osq",
        title="OSQ (WaveLab)",
        endings=(".osq",),
        decoders=(Decoder.FFMPEG,),
        demuxer="osq",
        is_begun_by=starts_with(b"OSQ "),
    ),
    AudioFormat(
        name="rka",
        title="RK Audio",
        endings=(".rka",),
        decoders=(Decoder.FFMPEG,),
        demuxer="rka",
        is_begun_by=starts_with(b"RKA7"),
    ),
)
