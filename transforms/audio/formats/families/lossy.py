"""Lossy codecs with a container of their own: Musepack, TwinVQ, ATRAC, and those of telephones."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from tonearm.transforms.audio.formats.audio_format import AudioFormat, Decoder, starts_with
from tonearm.transforms.audio.formats.claim import Claim, Correction, ReadAt

_MUSEPACK_FRAME_SAMPLES = 1152
_MUSEPACK_PACKETS_BEFORE_SOUND = 16


def _is_musepack_7(head: bytes) -> bool:
    return head[:3] == b"MP+" and len(head) > 3 and head[3] & 15 == 7


def _read_musepack_7(read_at: ReadAt, start: int, size: int) -> Claim:
    """The header counts frames, the last of which is seldom full."""
    del size
    (frames,) = struct.unpack("<I", read_at(start + 4, 4))
    return Claim(frames * _MUSEPACK_FRAME_SAMPLES or None, 2 * _MUSEPACK_FRAME_SAMPLES)


def _read_musepack_8(read_at: ReadAt, start: int, size: int) -> Claim:
    """The stream header is the first packet: size, checksum, version, samples and silence to leave out."""
    del size
    head = read_at(start + 4, 64)
    if head[:2] != b"SH":
        return Claim()
    _, at = _varint(head, 2)
    samples, at = _varint(head, at + 5)
    silence, _ = _varint(head, at)
    return Claim(
        max(samples - silence, 0) or None,
        2 * _MUSEPACK_FRAME_SAMPLES,
        corrections=_without_lost_seek_table(read_at, start),
    )


def _without_lost_seek_table(read_at: ReadAt, start: int) -> Sequence[Correction]:
    """Hide the packet that says where the seek table is, if it is not there: FFmpeg would read no more."""
    at = start + 4
    for _ in range(_MUSEPACK_PACKETS_BEFORE_SOUND):
        head = read_at(at, 24)
        packet_bytes, body = _varint(head, 2)
        if head[:2] == b"SO":
            offset, _ = _varint(head, body)
            is_lost = read_at(at + offset, 2) != b"ST"
            return (Correction(at, b"RG"),) if is_lost else ()
        if head[:2] == b"AP" or packet_bytes < 3:
            break
        at += packet_bytes
    return ()


def _varint(data: bytes, offset: int) -> tuple[int, int]:
    """A number in bytes of seven bits, the highest bits first, and the offset behind it."""
    value = 0
    while data[offset] & 0x80:
        value = value << 7 | data[offset] & 0x7F
        offset += 1
    return value << 7 | data[offset], offset + 1


def _is_aea(head: bytes) -> bool:
    """Sony's MiniDisc dumps: a fixed number and, behind the title, one channel or two."""
    return head[:4] == b"\x00\x08\x00\x00" and head[264:265] in (b"\x01", b"\x02") and len(head) >= 2048


_GSM_FRAME_BYTES, _GSM_FRAMES_IN_A_ROW, _GSM_MARK = 33, 24, 0xD
_PIECE_BYTES = 1 << 20


def _read_gsm(read_at: ReadAt, start: int, size: int) -> Claim:
    """All frames are of one length and begin with one mark; where the mark is not, bytes are missing."""
    piece_bytes = _PIECE_BYTES // _GSM_FRAME_BYTES * _GSM_FRAME_BYTES
    for offset in range(start, size, piece_bytes):
        marks = read_at(offset, min(piece_bytes, size - offset))[::_GSM_FRAME_BYTES]
        if any(mark >> 4 != _GSM_MARK for mark in marks):
            return Claim(cut=True)
    return Claim(cut=(size - start) % _GSM_FRAME_BYTES != 0)


def _is_gsm(head: bytes) -> bool:
    """Bare GSM frames have a mark of only four bits, so several in a row must have it, from the first on."""
    marks = head[: _GSM_FRAME_BYTES * 4 * _GSM_FRAMES_IN_A_ROW : _GSM_FRAME_BYTES]
    return (
        len(marks) >= _GSM_FRAMES_IN_A_ROW
        and all(mark >> 4 == _GSM_MARK for mark in marks)
        and len(set(marks)) > 1
    )


FORMATS = (
    AudioFormat(
        name="musepack_7",
        title="Musepack SV7",
        endings=(".mpc", ".mp+", ".mpp"),
        decoders=(Decoder.FFMPEG,),
        demuxer="mpc",
        is_begun_by=_is_musepack_7,
        read_claim=_read_musepack_7,
    ),
    AudioFormat(
        name="musepack_8",
        title="Musepack SV8",
        endings=(".mpc",),
        decoders=(Decoder.FFMPEG,),
        demuxer="mpc8",
        is_begun_by=starts_with(b"MPCK"),
        read_claim=_read_musepack_8,
    ),
    AudioFormat(
        name="twinvq",
        title="TwinVQ",
        endings=(".vqf", ".vql", ".vqe"),
        decoders=(Decoder.FFMPEG,),
        demuxer="vqf",
        is_begun_by=starts_with(b"TWIN"),
        states_length=False,
    ),
    AudioFormat(
        name="atrac_oma",
        title="ATRAC in OpenMG",
        endings=(".oma", ".omg", ".aa3", ".at3p"),
        decoders=(Decoder.FFMPEG,),
        demuxer="oma",
        is_begun_by=starts_with(b"EA3\x01", b"EA3\x02", b"EA3\x03", b"ea3\x03"),
        states_length=False,
    ),
    AudioFormat(
        name="atrac_aea",
        title="ATRAC1 in AEA",
        endings=(".aea",),
        decoders=(Decoder.FFMPEG,),
        demuxer="aea",
        is_begun_by=_is_aea,
        states_length=False,
    ),
    AudioFormat(
        name="qoa",
        title="Quite OK Audio",
        endings=(".qoa",),
        decoders=(Decoder.FFMPEG,),
        demuxer="qoa",
        is_begun_by=starts_with(b"qoaf"),
    ),
    AudioFormat(
        name="audible_aa",
        title="Audible AA",
        endings=(".aa",),
        decoders=(Decoder.FFMPEG,),
        demuxer="aa",
        is_begun_by=lambda head: head[4:8] == b"\x57\x90\x75\x36",
    ),
    AudioFormat(
        name="amr",
        title="AMR, AMR-WB",
        endings=(".amr", ".awb"),
        decoders=(Decoder.FFMPEG,),
        demuxer="amr",
        is_begun_by=starts_with(b"#!AMR\n", b"#!AMR-WB\n"),
        states_length=False,
    ),
    AudioFormat(
        name="gsm",
        title="GSM 06.10",
        endings=(".gsm",),
        decoders=(Decoder.FFMPEG,),
        demuxer="gsm",
        is_begun_by=_is_gsm,
        read_claim=_read_gsm,
        states_length=False,
    ),
    AudioFormat(
        name="ilbc",
        title="iLBC",
        endings=(".lbc", ".ilbc"),
        decoders=(Decoder.FFMPEG,),
        demuxer="ilbc",
        is_begun_by=starts_with(b"#!iLBC30\n", b"#!iLBC20\n"),
        states_length=False,
    ),
    AudioFormat(
        name="dss",
        title="Digital Speech Standard",
        endings=(".dss",),
        decoders=(Decoder.FFMPEG,),
        demuxer="dss",
        is_begun_by=starts_with(b"\x02dss", b"\x03dss"),
        states_length=False,
    ),
)
