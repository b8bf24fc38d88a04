"""What the bytes of a file are: the container is told from its content, never from its name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum

from tonearm.transforms.audio.mpeg_frames import find_first_frame, parse_adts_header, parse_mpeg_header

HEAD_BYTES = 64 * 1024
"""How much of a file's start :func:`identify` wants to see."""

MAX_LEADING_TAGS = 8

ReadAt = Callable[[int, int], bytes]
"""``read_at(offset, length)`` returns up to that many bytes; fewer at the end of the file."""


class AudioFormat(StrEnum):
    """A family of files that one demuxer reads."""

    MP3 = "mp3"
    ADTS = "adts"
    MP4 = "mp4"
    FLAC = "flac"
    WAV = "wav"
    W64 = "w64"
    AIFF = "aiff"
    CAF = "caf"
    OGG_VORBIS = "ogg_vorbis"
    OGG_OPUS = "ogg_opus"
    OGG_FLAC = "ogg_flac"
    OGG_SPEEX = "ogg_speex"
    ASF = "asf"
    MATROSKA = "matroska"


_OGG_CODECS = {
    b"\x01vorbis": AudioFormat.OGG_VORBIS,
    b"OpusHead": AudioFormat.OGG_OPUS,
    b"\x7fFLAC": AudioFormat.OGG_FLAC,
    b"Speex   ": AudioFormat.OGG_SPEEX,
}
_W64_RIFF_GUID = bytes.fromhex("726966662e91cf11a5d628db04c10000")
_ASF_HEADER_GUID = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_IMAGE_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"jpeg", b"crx ")


def identify(head: bytes, size: int | None = None) -> AudioFormat | None:
    """Say what a file is from its first bytes, without opening it.

    Args:
        head: The file's first ``HEAD_BYTES`` bytes, or all of them if it has fewer.
        size: The file's size in bytes, where known.

    Returns:
        The format, or None if these are no audio bytes. Where an ID3v2 tag is longer than ``head``, so that
        nothing after it can be seen, the answer is MP3, which is nearly always right.
    """
    start = end_of_leading_tags(lambda offset, length: head[offset : offset + length])
    if start and start >= len(head) and (size is None or size > start):
        return AudioFormat.MP3
    return _identify_untagged(head[start:], whole=size is not None and size <= len(head))


def identify_file(read_at: ReadAt) -> AudioFormat | None:
    """Say what a file is, however long the ID3v2 tags in front of it are."""
    start = end_of_leading_tags(read_at)
    head = read_at(start, HEAD_BYTES)
    return _identify_untagged(head, whole=len(head) < HEAD_BYTES)


def end_of_leading_tags(read_at: ReadAt) -> int:
    """Offset of the first byte after the ID3v2 tags that a file starts with, in bytes; 0 without any."""
    offset = 0
    for _ in range(MAX_LEADING_TAGS):
        header = read_at(offset, 10)
        is_tag = len(header) == 10 and header[:3] == b"ID3" and max(header[6:]) < 0x80
        if not is_tag:
            break
        body = header[6] << 21 | header[7] << 14 | header[8] << 7 | header[9]
        has_footer = bool(header[5] & 0x10)
        offset += 10 + body + (10 if has_footer else 0)
    return offset


def _identify_untagged(head: bytes, *, whole: bool) -> AudioFormat | None:
    return _identify_by_signature(head) or _identify_by_frames(head, whole=whole)


def _identify_by_signature(head: bytes) -> AudioFormat | None:
    """Recognise the containers that begin with a magic number."""
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        return AudioFormat.WAV
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return AudioFormat.AIFF
    if head[4:8] == b"ftyp" and head[8:12] not in _IMAGE_BRANDS:
        return AudioFormat.MP4
    if head[:4] == b"\x1a\x45\xdf\xa3" and (b"webm" in head[:64] or b"matroska" in head[:64]):
        return AudioFormat.MATROSKA
    if head[:4] == b"OggS":
        return next(_ogg_audio_codecs(head), None)
    signatures = {
        b"fLaC": AudioFormat.FLAC,
        _W64_RIFF_GUID: AudioFormat.W64,
        _ASF_HEADER_GUID: AudioFormat.ASF,
        b"caff\x00\x01": AudioFormat.CAF,
    }
    return next((found for magic, found in signatures.items() if head.startswith(magic)), None)


def _ogg_audio_codecs(head: bytes) -> Iterator[AudioFormat]:
    """The audio codecs of an Ogg file's first pages, each of which begins one logical stream."""
    offset = 0
    while head[offset : offset + 4] == b"OggS" and len(head) > offset + 27:
        begins_stream = bool(head[offset + 5] & 0x02)
        if not begins_stream:
            return
        segment_count = head[offset + 26]
        body = offset + 27 + segment_count
        yield from (codec for magic, codec in _OGG_CODECS.items() if head.startswith(magic, body))
        offset = body + sum(head[offset + 27 : body])


def _identify_by_frames(head: bytes, *, whole: bool) -> AudioFormat | None:
    """Recognise MP3 and ADTS, which have no magic number, by several frame headers in a row."""
    if find_first_frame(head, parse_mpeg_header, whole=whole) is not None:
        return AudioFormat.MP3
    if find_first_frame(head, parse_adts_header, whole=whole) is not None:
        return AudioFormat.ADTS
    return None
