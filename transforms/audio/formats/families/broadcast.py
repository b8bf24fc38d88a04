"""Containers of broadcasters, discs and servers: MPEG program and transport streams, Flash, RealMedia."""

from __future__ import annotations

import re
import struct
import zlib
from contextlib import suppress

from tonearm.transforms.audio.formats.audio_format import AudioFormat, Decoder, starts_with
from tonearm.transforms.audio.formats.claim import (
    Claim,
    ReadAt,
    chunks,
    is_cut,
    is_unknown_size,
)

_TRANSPORT_PACKETS = ((188, 0), (192, 4), (204, 0))
"""Bytes from one packet to the next and bytes before its sync byte: broadcast, Blu-ray, with parity bytes."""

_TRANSPORT_PACKETS_IN_A_ROW = 8
_PROGRAM_START_CODE = re.compile(rb"\x00\x00\x01[\xba\xbd\xc0-\xef]")
_WTV_GUID = bytes.fromhex("b7d800203749da11a64e0007e95ead8d")
_FLV_TAG_HEADER_BYTES, _FLV_TAG_TYPES = 11, (8, 9, 18)
_SWF_HEADER_BYTES, _SWF_LONG_TAG = 8, 0x3F
_SWF_UNKNOWN_BYTES = 100 << 20
"""What FFmpeg writes as the length of a file without pictures, and never corrects."""

_PIECE_BYTES = 1 << 20


def _is_transport_stream(head: bytes) -> bool:
    """Packets that begin with the same byte and have a payload or more; a file may begin inside of one."""
    for stride, lead in _TRANSPORT_PACKETS:
        wanted = min(_TRANSPORT_PACKETS_IN_A_ROW, len(head) // stride)
        for first in range(lead, lead + stride) if wanted >= 3 else ():
            if all(_is_transport_packet(head, at) for at in range(first, first + stride * wanted, stride)):
                return True
    return False


def _is_transport_packet(head: bytes, offset: int) -> bool:
    return head[offset : offset + 1] == b"\x47" and len(head) > offset + 3 and head[offset + 3] & 0x30 != 0


def _is_program_stream(head: bytes) -> bool:
    """A pack header of MPEG-1 or MPEG-2, or a packet of sound or picture without one."""
    if head[:4] == b"\x00\x00\x01\xba":
        return len(head) > 4 and (head[4] & 0xC0 == 0x40 or head[4] & 0xF0 == 0x20)
    is_packet = head[:3] == b"\x00\x00\x01" and head[3:4] and (0xC0 <= head[3] <= 0xEF or head[3] == 0xBD)
    packet_bytes = int.from_bytes(head[4:6], "big")
    return bool(is_packet) and head[6 + packet_bytes : 9 + packet_bytes] == b"\x00\x00\x01"


def _read_flv(read_at: ReadAt, start: int, size: int) -> Claim:
    """The last four bytes say how long the last tag is, which must be there and say so itself."""
    end = _end_of_flv_tags(read_at, start, size)
    if end is not None:
        return Claim(next_at=end)
    last = int.from_bytes(read_at(size - 4, 4), "big") if size > 4 else 0
    header = read_at(max(size - 4 - last, 0), _FLV_TAG_HEADER_BYTES)
    if len(header) < _FLV_TAG_HEADER_BYTES:
        return Claim(cut=True)
    body_bytes = int.from_bytes(header[1:4], "big")
    return Claim(cut=header[0] not in _FLV_TAG_TYPES or body_bytes + _FLV_TAG_HEADER_BYTES != last)


def _end_of_flv_tags(read_at: ReadAt, start: int, size: int) -> int | None:
    """Where the tags end, each of which is followed by its length, if something else follows them."""
    at = start + int.from_bytes(read_at(start + 5, 4), "big") + 4
    while at + _FLV_TAG_HEADER_BYTES <= size:
        piece, first = read_at(at, _PIECE_BYTES), at
        while at - first + _FLV_TAG_HEADER_BYTES <= len(piece):
            tag_type = piece[at - first]
            if tag_type & 0x1F not in _FLV_TAG_TYPES:
                return at
            body_bytes = int.from_bytes(piece[at - first + 1 : at - first + 4], "big")
            at += _FLV_TAG_HEADER_BYTES + body_bytes + 4
    return None


def _read_swf(read_at: ReadAt, start: int, size: int) -> Claim:
    """The header says how long the file is, uncompressed; its tags must lead up to the one that ends it."""
    stated = int.from_bytes(read_at(start + 4, 4), "little")
    if read_at(start, 3) == b"CWS":
        unpacked_bytes = _SWF_HEADER_BYTES + _inflated_bytes(read_at, start + _SWF_HEADER_BYTES)
        return Claim(cut=is_cut(stated, unpacked_bytes))
    end = _end_of_swf_tags(read_at, start, size)
    if end is None:
        return Claim(cut=True)
    is_known = stated != _SWF_UNKNOWN_BYTES and not is_unknown_size(stated, 32)
    return Claim(cut=is_cut(start + stated if is_known else size, end), next_at=end)


def _inflated_bytes(read_at: ReadAt, start: int) -> int:
    """How many bytes compressed data unpacks to, as far as it can be unpacked."""
    unpacker, count = zlib.decompressobj(), 0
    with suppress(zlib.error):
        while piece := read_at(start, _PIECE_BYTES):
            start += len(piece)
            while piece and not unpacker.eof:
                count += len(unpacker.decompress(piece, _PIECE_BYTES))
                piece = unpacker.unconsumed_tail
    return count


def _end_of_swf_tags(read_at: ReadAt, start: int, size: int) -> int | None:
    """Offset behind the tag that ends the film; None if the tags do not lead there."""
    rectangle_bits = 5 + 4 * (read_at(start + _SWF_HEADER_BYTES, 1)[0] >> 3)
    at = start + _SWF_HEADER_BYTES + -(-rectangle_bits // 8) + 4
    while at + 2 <= size:
        code_and_length, long_length = struct.unpack("<HI", read_at(at, 6).ljust(6, b"\0"))
        short_length = code_and_length & _SWF_LONG_TAG
        if code_and_length == 0:
            return at + 2
        at += 6 + long_length if short_length == _SWF_LONG_TAG else 2 + short_length
    return None


def _read_real_media(read_at: ReadAt, start: int, size: int) -> Claim:
    if read_at(start, 4) != b".RMF":
        return Claim()
    for found in chunks(read_at, start, size, ">4sI", counts_header=True, alignment=1):
        if found.name == b"DATA":
            (packets,) = struct.unpack(">I", read_at(found.offset + 2, 4))
            is_known = packets > 0 and not is_unknown_size(found.size, 32)
            return Claim(cut=is_known and is_cut(found.offset + found.size, size))
    return Claim()


FORMATS = (
    AudioFormat(
        name="mpeg_ps",
        title="MPEG program stream",
        endings=(".mpg", ".mpeg", ".vob", ".m2p"),
        decoders=(Decoder.FFMPEG,),
        demuxer="mpeg",
        is_begun_by=_is_program_stream,
        states_length=False,
        is_inside=lambda piece: _PROGRAM_START_CODE.search(piece) is not None,
    ),
    AudioFormat(
        name="mpeg_ts",
        title="MPEG transport stream",
        endings=(".mts", ".m2ts", ".m2t", ".tp", ".trp"),
        decoders=(Decoder.FFMPEG,),
        demuxer="mpegts",
        is_begun_by=_is_transport_stream,
        states_length=False,
        is_inside=_is_transport_stream,
    ),
    AudioFormat(
        name="flv",
        title="Flash Video",
        endings=(".flv",),
        decoders=(Decoder.FFMPEG,),
        demuxer="flv",
        is_begun_by=starts_with(b"FLV\x01"),
        signature=re.compile(rb"FLV\x01[\x01\x04\x05]\x00\x00\x00\x09\x00\x00\x00\x00"),
        read_claim=_read_flv,
    ),
    AudioFormat(
        name="swf",
        title="Shockwave Flash",
        endings=(),
        decoders=(Decoder.FFMPEG,),
        demuxer="swf",
        is_begun_by=starts_with(b"FWS", b"CWS"),
        read_claim=_read_swf,
        states_length=False,
    ),
    AudioFormat(
        name="real_media",
        title="RealMedia, RealAudio",
        endings=(".rm", ".ra", ".rmvb"),
        decoders=(Decoder.FFMPEG,),
        demuxer="rm",
        is_begun_by=starts_with(b".RMF", b".ra\xfd"),
        read_claim=_read_real_media,
    ),
    AudioFormat(
        name="nut",
        title="NUT",
        endings=(".nut",),
        decoders=(Decoder.FFMPEG,),
        demuxer="nut",
        is_begun_by=starts_with(b"nut/multimedia container\0"),
        states_length=False,
    ),
    AudioFormat(
        name="mxf",
        title="Material Exchange Format (MXF)",
        endings=(".mxf",),
        decoders=(Decoder.FFMPEG,),
        demuxer="mxf",
        is_begun_by=starts_with(bytes.fromhex("060e2b34020501010d0102")),
    ),
    AudioFormat(
        name="gxf",
        title="General Exchange Format (GXF)",
        endings=(".gxf",),
        decoders=(Decoder.FFMPEG,),
        demuxer="gxf",
        is_begun_by=starts_with(bytes.fromhex("0000000001bc")),
    ),
    AudioFormat(
        name="wtv",
        title="Windows Television",
        endings=(".wtv",),
        decoders=(Decoder.FFMPEG,),
        demuxer="wtv",
        is_begun_by=starts_with(_WTV_GUID),
    ),
    AudioFormat(
        name="nsv",
        title="Nullsoft Streaming Video",
        endings=(".nsv",),
        decoders=(Decoder.FFMPEG,),
        demuxer="nsv",
        is_begun_by=starts_with(b"NSVf", b"NSVs"),
    ),
)
