"""Containers of films and of music alike, read for their sound: MP4 and QuickTime, ASF, Matroska, AVI."""

from __future__ import annotations

import re
import struct

from tonearm.transforms.audio.formats.audio_format import AudioFormat, Decoder, starts_with
from tonearm.transforms.audio.formats.claim import MAX_CHUNKS, Claim, ReadAt, chunks, is_cut, is_unknown_size
from tonearm.transforms.audio.formats.matroska_damage import damage_as_void

_ASF_HEADER_GUID = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_DATA_GUID = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")
_ASF_FILE_PROPERTIES_GUID = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_ASF_HEADER_BYTES = 64 * 1024
_ASF_OBJECT_HEADER_BYTES = 24
_ASF_EMPTY_DATA_BYTES = 26
"""What the data object has before its packets; one that says no more was never completed."""

_IMAGE_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"jpeg", b"crx ")
_FIRST_ATOMS = (b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"moof", b"styp", b"sidx", b"uuid")
_LATER_ATOMS = (*_FIRST_ATOMS, b"ftyp", b"meta", b"udta", b"mfra")
_SOUND_ATOMS = (b"mdat", b"moof", b"moov")


def _is_mp4(head: bytes) -> bool:
    """A file type box that is no picture's; or, for want of one, atoms that belong to a film."""
    if head[4:8] == b"ftyp":
        return head[8:12] not in _IMAGE_BRANDS
    if head[4:8] not in _FIRST_ATOMS:
        return False
    next_atom = int.from_bytes(head[:4], "big")
    if next_atom == 1:  # the true size follows, in 64 bits
        next_atom = int.from_bytes(head[8:16], "big")
    if 8 <= next_atom <= len(head) - 8:
        return head[next_atom + 4 : next_atom + 8] in _LATER_ATOMS
    return head[4:8] in (b"moov", b"mdat") and (next_atom == 0 or next_atom > len(head) - 8)


def _is_matroska(head: bytes) -> bool:
    return head[:4] == b"\x1a\x45\xdf\xa3" and (b"webm" in head[:64] or b"matroska" in head[:64])


def _is_avi(head: bytes) -> bool:
    return head[:4] in (b"RIFF", b"ON2 ") and head[8:12] in (b"AVI ", b"AVIX", b"AMV ", b"ON2f")


def _read_mp4(read_at: ReadAt, start: int, size: int) -> Claim:
    """Atoms up to the end of the file; FFmpeg reads no second film behind them, unless in fragments."""
    offset, names = start, set[bytes]()
    for _ in range(MAX_CHUNKS):
        header = read_at(offset, 16)
        if len(header) < 8:
            break
        atom_bytes, name = struct.unpack_from(">I4s", header)
        if name == b"ftyp" and b"mdat" in names and b"moof" not in names:
            return Claim(next_at=offset)
        names.add(name)
        if atom_bytes == 1:  # the true size follows, in 64 bits
            (atom_bytes,) = struct.unpack_from(">Q", header, 8)
        if atom_bytes < 8:  # 0: up to the end of the file
            break
        offset += atom_bytes
        if offset > size:  # anything else there is a tag or junk behind the last atom
            return Claim(cut=name in _SOUND_ATOMS and is_cut(offset, size))
    return Claim()


def _read_asf(read_at: ReadAt, start: int, size: int) -> Claim:
    """The header says if it was sent as it was written; the data object, how long it is."""
    unknown, has_data = _is_asf_broadcast(read_at(start, _ASF_HEADER_BYTES)), False
    for found in chunks(read_at, start, size, "<16sQ", counts_header=True, alignment=1):
        is_cut_short = is_cut(found.offset + found.size, size)
        if found.name == _ASF_DATA_GUID:
            is_unknown = unknown or is_unknown_size(found.size, 64) or found.size <= _ASF_EMPTY_DATA_BYTES
            if is_cut_short or is_unknown:
                return Claim(cut=is_cut_short and not is_unknown, unknown=unknown)
            has_data = True
        elif found.name == _ASF_HEADER_GUID and has_data:
            return Claim(unknown=unknown, next_at=found.offset - _ASF_OBJECT_HEADER_BYTES)
        elif is_cut_short and not has_data:
            return Claim(cut=found.name == _ASF_HEADER_GUID)
    return Claim(unknown=unknown)


def _is_asf_broadcast(head: bytes) -> bool:
    """True if the file properties have the broadcast flag, which makes all their lengths invalid."""
    properties = head.find(_ASF_FILE_PROPERTIES_GUID)
    flags = head[properties + 88 : properties + 92]
    return properties >= 0 and int.from_bytes(flags, "little") & 1 != 0


def _read_matroska(read_at: ReadAt, start: int, size: int) -> Claim:
    """The EBML header is followed by one segment; all bits set mean a live stream of unknown size."""
    head = read_at(start, 4096)
    header_bytes, width = _ebml_size(head, 4)
    segment = 4 + width + header_bytes
    if head[segment : segment + 4] != b"\x18\x53\x80\x67":
        return Claim()
    segment_bytes, width = _ebml_size(head, segment + 4)
    if segment_bytes == (1 << 7 * width) - 1:
        return Claim()
    first = start + segment + 4 + width
    end = first + segment_bytes
    damage = damage_as_void(read_at, first, min(end, size))
    return Claim(cut=is_cut(end, size), next_at=end, corrections=damage)


def _ebml_size(data: bytes, offset: int) -> tuple[int, int]:
    """Value and width in bytes of an EBML size: the leading zero bits tell how many bytes follow."""
    width = 9 - data[offset].bit_length()
    value = int.from_bytes(data[offset : offset + width], "big")
    return value & (1 << 7 * width) - 1, width


def _read_avi(read_at: ReadAt, start: int, size: int) -> Claim:
    """The list ``movi`` holds picture and sound; then come an index and perhaps later parts."""
    for chunk in chunks(read_at, start + 12, size, "<4sI"):
        if chunk.name == b"LIST" and read_at(chunk.offset, 4) == b"movi":
            is_known = not is_unknown_size(chunk.size, 32)
            cut = is_known and is_cut(chunk.offset + chunk.size, size)
            return Claim(cut=cut, next_at=_end_of_avi(read_at, start, size) if is_known else None)
    return Claim()


def _end_of_avi(read_at: ReadAt, start: int, size: int) -> int | None:
    """Where the first thing begins that is neither the film nor one of its later parts (``AVIX``)."""
    for chunk in chunks(read_at, start, size, "<4sI"):
        if chunk.offset - 8 > start and read_at(chunk.offset - 8, 12)[8:] != b"AVIX":
            return chunk.offset - 8
    return None


FORMATS = (
    AudioFormat(
        name="mp4",
        title="MP4, QuickTime",
        endings=(
            ".m4a",
            ".m4b",
            ".m4p",
            ".m4r",
            ".mp4",
            ".alac",
            ".m4v",
            ".mov",
            ".qt",
            ".3gp",
            ".3g2",
            ".f4a",
            ".aax",
        ),
        decoders=(Decoder.FFMPEG,),
        demuxer="mov",
        is_begun_by=_is_mp4,
        signature=re.compile(
            rb"\x00\x00\x00[\x14-\x40]ftyp(?:M4[ABPV] |mp4[12]|isom|iso[2-6]|qt  |dash|3gp\d)"
        ),
        read_claim=_read_mp4,
    ),
    AudioFormat(
        name="asf",
        title="ASF (WMA, WMV)",
        endings=(".wma", ".asf", ".wmv"),
        decoders=(Decoder.FFMPEG,),
        demuxer="asf",
        is_begun_by=starts_with(_ASF_HEADER_GUID),
        signature=re.compile(re.escape(_ASF_HEADER_GUID)),
        read_claim=_read_asf,
    ),
    AudioFormat(
        name="matroska",
        title="Matroska, WebM",
        endings=(".mka", ".mkv", ".webm", ".weba"),
        decoders=(Decoder.FFMPEG,),
        demuxer="matroska",
        is_begun_by=_is_matroska,
        signature=re.compile(rb"\x1a\x45\xdf\xa3.{1,48}(?:matroska|webm)", re.DOTALL),
        read_claim=_read_matroska,
    ),
    AudioFormat(
        name="avi",
        title="AVI",
        endings=(".avi", ".divx", ".amv"),
        decoders=(Decoder.FFMPEG,),
        demuxer="avi",
        is_begun_by=_is_avi,
        read_claim=_read_avi,
    ),
)
