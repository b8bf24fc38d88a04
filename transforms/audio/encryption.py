"""Files that say of themselves that their sound is encrypted: what decodes of them would be noise."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from tonearm.transforms.audio.formats.claim import MAX_CHUNKS, ReadAt

_MOST_HEADER_BYTES = 16 << 20
"""How many bytes are searched: what describes a track is far shorter, pictures aside."""

_FAIRPLAY, _COMMON, _AUDIBLE = "FairPlay", "Common Encryption", "Audible"

_SCHEMES: Mapping[bytes, str] = {b"enca": _COMMON, b"drms": _FAIRPLAY, b"aavd": _AUDIBLE}
"""MP4's sample entries for encrypted sound: ISO 14496-12, 8.12; Apple's; Audible's."""

_ASF_ENCRYPTIONS = (
    UUID("2211B3FB-BD23-11D2-B4B7-00A0C955FC6E"),  # Content Encryption Object
    UUID("298AE614-2622-4C17-B935-DAE07EE9289C"),  # Extended Content Encryption Object
    UUID("43058533-6981-49E6-9B74-AD12CB86D58C"),  # Advanced Content Encryption Object
)
"""Objects of an ASF header (Advanced Systems Format specification, 3.14 to 3.16 and 10)."""

_SEGMENT, _TRACKS, _CLUSTER, _TRACK = 0x18538067, 0x1654AE6B, 0x1F43B675, 0xAE
_TRACK_TYPE, _CONTENT_ENCODINGS, _AUDIO = 0x83, 0x6D80, 2
_CONTENT_ENCRYPTION = b"\x50\x35"
"""Elements of Matroska (RFC 9559, 5.1.4)."""


@dataclass(frozen=True, slots=True)
class _Box:
    """A box of MP4 or an element of Matroska: its name, and where its body begins and ends."""

    name: bytes | int
    start: int
    end: int


def encryption_of(read_at: ReadAt, start: int, size: int, demuxer: str) -> str | None:
    """The name of the scheme that a file's sound is encrypted by; None if it does not say that it is.

    Args:
        read_at: Reads bytes at an offset.
        start: Where the format begins, behind leading tags.
        size: The file's size in bytes.
        demuxer: FFmpeg's name for the format.
    """
    searcher = _SEARCHERS.get(demuxer)
    try:
        return searcher(read_at, start, size) if searcher else None
    except (struct.error, IndexError):
        return None


def _search_mp4(read_at: ReadAt, start: int, size: int) -> str | None:
    for movie in _boxes_named(read_at, start, size, b"moov"):
        for track in _boxes_named(read_at, movie.start, movie.end, b"trak"):
            for media in _boxes_named(read_at, track.start, track.end, b"mdia"):
                found = _scheme_of_media(read_at, media)
                if found:
                    return found
    return None


def _scheme_of_media(read_at: ReadAt, media: _Box) -> str | None:
    handlers = _boxes_named(read_at, media.start, media.end, b"hdlr")
    if any(read_at(handler.start + 8, 4) == b"vide" for handler in handlers):
        return None
    for information in _boxes_named(read_at, media.start, media.end, b"minf"):
        for table in _boxes_named(read_at, information.start, information.end, b"stbl"):
            for descriptions in _boxes_named(read_at, table.start, table.end, b"stsd"):
                for entry in _boxes(read_at, descriptions.start + 8, descriptions.end):
                    found = _scheme_of_entry(read_at, entry)
                    if found:
                        return found
    return None


def _scheme_of_entry(read_at: ReadAt, entry: _Box) -> str | None:
    body = read_at(entry.start, min(entry.end - entry.start, _MOST_HEADER_BYTES))
    scheme_at = body.find(b"schm")
    if b"sinf" in body and body[scheme_at + 8 : scheme_at + 12] == b"itun":
        return _FAIRPLAY
    return _SCHEMES.get(bytes(entry.name), _COMMON if b"sinf" in body else None)  # type: ignore[arg-type]


def _boxes_named(read_at: ReadAt, start: int, end: int, name: bytes) -> Iterator[_Box]:
    return (box for box in _boxes(read_at, start, end) if box.name == name)


def _boxes(read_at: ReadAt, start: int, end: int) -> Iterator[_Box]:
    for _ in range(MAX_CHUNKS):
        header = read_at(start, 16)
        if start + 8 > end or len(header) < 8:
            return
        length, name = struct.unpack_from(">I4s", header)
        header_bytes = 8
        if length == 1:  # the true size follows, in 64 bits
            (length,), header_bytes = struct.unpack_from(">Q", header, 8), 16
        elif length == 0:  # up to the end
            length = end - start
        if length < header_bytes or start + header_bytes > end:
            return
        yield _Box(name, start + header_bytes, min(start + length, end))
        start += length


def _search_asf(read_at: ReadAt, start: int, size: int) -> str | None:
    del size
    (header_bytes,) = struct.unpack_from("<Q", read_at(start, 24), 16)
    header = read_at(start, min(header_bytes, _MOST_HEADER_BYTES))
    encrypted = any(kind.bytes_le in header for kind in _ASF_ENCRYPTIONS)
    return "Windows Media DRM" if encrypted else None


def _search_matroska(read_at: ReadAt, start: int, size: int) -> str | None:
    for segment in _elements(read_at, start, size):
        if segment.name != _SEGMENT:
            continue
        for part in _elements(read_at, segment.start, segment.end):
            if part.name == _CLUSTER:
                break
            if part.name == _TRACKS and any(
                _is_encrypted(read_at, track) for track in _elements(read_at, part.start, part.end)
            ):
                return "Matroska's ContentEncryption"
    return None


def _is_encrypted(read_at: ReadAt, track: _Box) -> bool:
    """True for an entry of an audio track with an encryption among its encodings."""
    is_audio = encrypted = False
    for element in _elements(read_at, track.start, track.end) if track.name == _TRACK else ():
        body = read_at(element.start, min(element.end - element.start, 1 << 16))
        is_audio |= element.name == _TRACK_TYPE and int.from_bytes(body, "big") == _AUDIO
        encrypted |= element.name == _CONTENT_ENCODINGS and _CONTENT_ENCRYPTION in body
    return is_audio and encrypted


def _elements(read_at: ReadAt, start: int, end: int) -> Iterator[_Box]:
    for _ in range(MAX_CHUNKS):
        header = read_at(start, 12)
        if start >= end or len(header) < 2 or not header[0]:
            return
        id_bytes = 9 - header[0].bit_length()
        size_bytes = 9 - header[id_bytes].bit_length()
        name = int.from_bytes(header[:id_bytes], "big")
        length = int.from_bytes(header[id_bytes : id_bytes + size_bytes], "big") & (1 << 7 * size_bytes) - 1
        body = start + id_bytes + size_bytes
        unknown = length == (1 << 7 * size_bytes) - 1
        if body > end:
            return
        yield _Box(name, body, end if unknown else min(body + length, end))
        if unknown:
            return
        start = body + length


_SEARCHERS: Mapping[str, Callable[[ReadAt, int, int], str | None]] = {
    "mov": _search_mp4,
    "asf": _search_asf,
    "matroska": _search_matroska,
}
