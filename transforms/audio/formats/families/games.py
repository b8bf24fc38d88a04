"""Music as games, consoles and ring tones carry it."""

from __future__ import annotations

import struct

from tonearm.transforms.audio.formats.audio_format import (
    AudioFormat,
    Decoder,
    Recogniser,
    claims_nothing,
    starts_with,
)
from tonearm.transforms.audio.formats.claim import Claim, ClaimReader, ReadAt, is_cut, is_unknown_size

_ADX_MOST_HZ = 1_000_000
_ADX_BLOCK_BYTES = (0, 18)


def _is_adx(head: bytes) -> bool:
    """CRI's mark comes before the samples, whose offset the header states; FFmpeg dies of absurd numbers."""
    offset, rate_hz = int.from_bytes(head[2:4], "big"), int.from_bytes(head[8:12], "big")
    is_marked = head[:2] == b"\x80\x00" and b"(c)CRI" in head[max(offset - 2, 0) : offset + 4]
    return is_marked and 0 < rate_hz < _ADX_MOST_HZ and head[5] in _ADX_BLOCK_BYTES


def _read_adx(read_at: ReadAt, start: int, size: int) -> Claim:
    """The header counts the samples of a channel."""
    del size
    (samples,) = struct.unpack(">I", read_at(start + 12, 4))
    return Claim(samples or None)


def _read_smaf(read_at: ReadAt, start: int, size: int) -> Claim:
    """One chunk around all others says how long the file is."""
    (content_bytes,) = struct.unpack(">I", read_at(start + 4, 4))
    unknown, end = is_unknown_size(content_bytes, 32), start + 8 + content_bytes
    return Claim(cut=not unknown and is_cut(end, size), unknown=unknown, next_at=None if unknown else end)


def _of_ffmpeg(
    name: str,
    title: str,
    endings: tuple[str, ...],
    begins: Recogniser,
    demuxer: str,
    read_claim: ClaimReader = claims_nothing,
) -> AudioFormat:
    """An entry of a format that only FFmpeg reads, which shows the length that nearly all headers state."""
    return AudioFormat(
        name, title, endings, (Decoder.FFMPEG,), demuxer, is_begun_by=begins, read_claim=read_claim
    )


FORMATS = (
    _of_ffmpeg("adx", "CRI ADX", (".adx",), _is_adx, "adx", _read_adx),
    _of_ffmpeg("hca", "CRI HCA", (".hca",), starts_with(b"HCA\0"), "hca"),
    _of_ffmpeg("brstm", "Nintendo BRSTM", (".brstm",), starts_with(b"RSTM"), "brstm"),
    _of_ffmpeg(
        "bfstm", "Nintendo BFSTM, BCSTM", (".bfstm", ".bcstm"), starts_with(b"FSTM", b"CSTM"), "bfstm"
    ),
    _of_ffmpeg(
        "ast", "Nintendo AST", (".ast",), lambda head: head[:4] == b"STRM" and head[64:68] == b"BLCK", "ast"
    ),
    _of_ffmpeg("fsb", "FMOD Sample Bank", (".fsb",), starts_with(b"FSB3", b"FSB4"), "fsb"),
    _of_ffmpeg("vag", "PlayStation VAG", (".vag",), starts_with(b"VAGp"), "vag"),
    _of_ffmpeg("xvag", "PlayStation XVAG", (".xvag",), starts_with(b"XVAG"), "xvag"),
    _of_ffmpeg(
        "msf", "PlayStation MSF", (".msf",), lambda head: head[:3] == b"MSF" and head[3:4] < b"\x7f", "msf"
    ),
    _of_ffmpeg("mtaf", "Konami MTAF", (".mtaf",), starts_with(b"MTAF"), "mtaf"),
    _of_ffmpeg("svag", "Konami SVAG", (".svag",), starts_with(b"Svag"), "svag"),
    _of_ffmpeg("genh", "GENH", (".genh",), starts_with(b"GENH"), "genh"),
    _of_ffmpeg("binka", "Bink Audio", (".binka",), starts_with(b"1FCB"), "binka"),
    _of_ffmpeg("interplay_acm", "Interplay ACM", (".acm",), starts_with(b"\x97\x28\x03\x01"), "acm"),
    _of_ffmpeg(
        "apm", "Ubisoft APM", (), lambda head: head[:2] == b"\x00\x20" and head[20:24] == b"vs12", "apm"
    ),
    _of_ffmpeg("argo_asf", "Argonaut ASF", (), starts_with(b"ASF\0"), "argo_asf"),
    _of_ffmpeg("smjpeg", "Loki SMJPEG", (".smjpeg",), starts_with(b"\0\nSMJPEG"), "smjpeg"),
    _of_ffmpeg("smaf", "Yamaha SMAF", (".mmf",), starts_with(b"MMMD"), "mmf", _read_smaf),
    _of_ffmpeg("kvag", "Simon & Schuster VAG", (), starts_with(b"KVAG"), "kvag"),
)
