"""Containers that hold films as well as music: MP4 and QuickTime, ASF, Matroska, read for their sound."""

from __future__ import annotations

import struct

from tonearm.transforms.audio.formats.audio_format import AudioFormat, Decoder, starts_with
from tonearm.transforms.audio.formats.claim import MAX_CHUNKS, Claim, ReadAt, chunks

_ASF_HEADER_GUID = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_IMAGE_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"jpeg", b"crx ")


def _is_mp4(head: bytes) -> bool:
    return head[4:8] == b"ftyp" and head[8:12] not in _IMAGE_BRANDS


def _is_matroska(head: bytes) -> bool:
    return head[:4] == b"\x1a\x45\xdf\xa3" and (b"webm" in head[:64] or b"matroska" in head[:64])


def _read_mp4(read_at: ReadAt, start: int, size: int) -> Claim:
    offset = start
    for _ in range(MAX_CHUNKS):
        header = read_at(offset, 16)
        if len(header) < 8:
            break
        atom_bytes, name = struct.unpack_from(">I4s", header)
        if atom_bytes == 1:  # the true size follows, in 64 bits
            (atom_bytes,) = struct.unpack_from(">Q", header, 8)
        if atom_bytes < 8:  # 0: up to the end of the file
            break
        offset += atom_bytes
        if offset > size:  # anything else there is a tag or junk behind the last atom
            return Claim(cut=name in (b"mdat", b"moof", b"moov"))
    return Claim()


def _read_asf(read_at: ReadAt, start: int, size: int) -> Claim:
    objects = chunks(read_at, start, size, "<16sQ", counts_header=True, alignment=1)
    return Claim(cut=any(found.offset + found.size > size for found in objects))


def _read_matroska(read_at: ReadAt, start: int, size: int) -> Claim:
    """The EBML header is followed by one segment; all bits set mean a live stream of unknown size."""
    head = read_at(start, 4096)
    header_bytes, width = _ebml_size(head, 4)
    segment = 4 + width + header_bytes
    if head[segment : segment + 4] != b"\x18\x53\x80\x67":
        return Claim()
    segment_bytes, width = _ebml_size(head, segment + 4)
    unknown = segment_bytes == (1 << 7 * width) - 1
    return Claim(cut=not unknown and start + segment + 4 + width + segment_bytes > size)


def _ebml_size(data: bytes, offset: int) -> tuple[int, int]:
    """Value and width in bytes of an EBML size: the leading zero bits tell how many bytes follow."""
    width = 9 - data[offset].bit_length()
    value = int.from_bytes(data[offset : offset + width], "big")
    return value & (1 << 7 * width) - 1, width


FORMATS = (
    AudioFormat(
        name="mp4",
        title="MP4, QuickTime",
        endings=(".m4a", ".m4b", ".mp4", ".alac"),
        decoders=(Decoder.FFMPEG,),
        demuxer="mov",
        is_begun_by=_is_mp4,
        read_claim=_read_mp4,
    ),
    AudioFormat(
        name="asf",
        title="ASF (WMA, WMV)",
        endings=(".wma", ".asf"),
        decoders=(Decoder.FFMPEG,),
        demuxer="asf",
        is_begun_by=starts_with(_ASF_HEADER_GUID),
        read_claim=_read_asf,
    ),
    AudioFormat(
        name="matroska",
        title="Matroska, WebM",
        endings=(".mka", ".webm"),
        decoders=(Decoder.FFMPEG,),
        demuxer="matroska",
        is_begun_by=_is_matroska,
        read_claim=_read_matroska,
    ),
)
