"""Ogg: one format for each codec, since the decoders differ in which of them they read well."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

from tonearm.transforms.audio.formats.audio_format import AudioFormat, Decoder, Recogniser
from tonearm.transforms.audio.formats.claim import Claim, Correction, ReadAt

LONGEST_PAGE_BYTES = 65307
_PAGE_HEADER_BYTES = 27
_TURNED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
"""Each byte with its bits in the other order."""

_VORBIS, _OPUS, _FLAC, _SPEEX = b"\x01vorbis", b"OpusHead", b"\x7fFLAC", b"Speex   "


def _holds(codec: bytes) -> Recogniser:
    """Recognise files whose first audio stream begins with these bytes."""
    return lambda head: head[:4] == b"OggS" and next(_audio_codecs(head), None) == codec


def _begins_a_stream(head: bytes) -> bool:
    """True for any Ogg file: its first page begins a stream, of whatever codec."""
    return head[:5] == b"OggS\0" and len(head) > 28 and bool(head[5] & 0x02)


def _page_with(codec: bytes) -> re.Pattern[bytes]:
    """Matches the first page of a stream of a codec, which holds its header and nothing else (RFC 3533)."""
    return re.compile(rb"OggS\x00\x02.{20}\x01." + re.escape(codec), re.DOTALL)


def _audio_codecs(head: bytes) -> Iterator[bytes]:
    """The audio codecs of an Ogg file's first pages, each of which begins one logical stream."""
    offset = 0
    while head[offset : offset + 4] == b"OggS" and len(head) > offset + 27:
        begins_stream = bool(head[offset + 5] & 0x02)
        if not begins_stream:
            return
        segment_count = head[offset + 26]
        body = offset + 27 + segment_count
        yield from (codec for codec in (_VORBIS, _OPUS, _FLAC, _SPEEX) if head.startswith(codec, body))
        offset = body + sum(head[offset + 27 : body])


def _read_ogg(read_at: ReadAt, start: int, size: int) -> Claim:
    """The last page must be whole and bear the end-of-stream flag."""
    tail_start = max(start, size - 2 * LONGEST_PAGE_BYTES)
    tail = read_at(tail_start, size - tail_start)
    page = tail.rfind(b"OggS\x00")
    header = tail[page : page + 27]
    if page < 0 or len(header) < 27:
        return Claim(cut=True)
    segment_table = tail[page + 27 : page + 27 + header[26]]
    page_bytes = 27 + header[26] + sum(segment_table)
    ends_stream = bool(header[5] & 0x04)
    return Claim(cut=page + page_bytes > len(tail) or not ends_stream)


def _read_ogg_flac(read_at: ReadAt, start: int, size: int) -> Claim:
    """The frames have checksums of their own, so those of damaged pages are put right: most frames are whole.

    FFmpeg leaves out a page whose checksum is wrong, with ten seconds of sound where pages are long.
    """
    return replace(_read_ogg(read_at, start, size), corrections=_right_checksums(read_at, start, size))


def _right_checksums(read_at: ReadAt, start: int, size: int) -> Sequence[Correction]:
    """The checksums of pages whose length is right, as the next one begins where they end."""
    corrections, at = list[Correction](), start
    while at < size:
        page = read_at(at, LONGEST_PAGE_BYTES + 5)
        body = _PAGE_HEADER_BYTES + page[26] if len(page) >= _PAGE_HEADER_BYTES else 0
        page_bytes = body + sum(page[_PAGE_HEADER_BYTES:body])
        is_page = page.startswith(b"OggS\0") and body > 0
        if not is_page or (page[page_bytes : page_bytes + 5] != b"OggS\0" and at + page_bytes != size):
            found = page.find(b"OggS\0", 1)
            at += found if found > 0 else max(len(page) - 4, 1)
            continue
        right = checksum(page[:page_bytes])
        if right != page[22:26]:
            corrections.append(Correction(at + 22, right))
        at += page_bytes
    return corrections


def checksum(page: bytes) -> bytes:
    """A page's checksum as it has it: a CRC of 32 bits, the highest bit of each byte first (RFC 3533, 6).

    That of zlib takes the lowest bit first, so bits are turned before it and behind it.
    """
    turned = (page[:22] + bytes(4) + page[26:]).translate(_TURNED)
    crc = zlib.crc32(turned, 0xFFFFFFFF) ^ 0xFFFFFFFF
    return crc.to_bytes(4, "little").translate(_TURNED)[::-1]


OGG_VORBIS = AudioFormat(
    name="ogg_vorbis",
    title="Ogg Vorbis",
    endings=(".ogg", ".oga"),
    decoders=(Decoder.FFMPEG, Decoder.LIBSNDFILE, Decoder.TENSORFLOW_IO),
    demuxer="ogg",
    soundfile=("OGG",),
    is_begun_by=_holds(_VORBIS),
    signature=_page_with(_VORBIS),
    read_claim=_read_ogg,
)
"""Both decoders are needed on ordinary files: FFmpeg refuses Vorbis whose headers are repeated in the middle,
as some cutting tools leave it (three tracks of Debian's hyperrogue-music)."""

FORMATS = (
    OGG_VORBIS,
    AudioFormat(
        name="ogg_opus",
        title="Ogg Opus",
        endings=(".opus",),
        decoders=(Decoder.FFMPEG, Decoder.LIBSNDFILE),
        demuxer="ogg",
        soundfile=("OGG",),
        is_begun_by=_holds(_OPUS),
        signature=_page_with(_OPUS),
        read_claim=_read_ogg,
    ),
    AudioFormat(
        name="ogg_flac",
        title="Ogg FLAC",
        endings=(".oga",),
        decoders=(Decoder.FFMPEG, Decoder.LIBSNDFILE),
        demuxer="ogg",
        soundfile=("OGG",),
        is_begun_by=_holds(_FLAC),
        signature=_page_with(_FLAC),
        read_claim=_read_ogg_flac,
    ),
    AudioFormat(
        name="ogg_speex",
        title="Ogg Speex",
        endings=(".spx",),
        decoders=(Decoder.FFMPEG,),
        demuxer="ogg",
        is_begun_by=_holds(_SPEEX),
        signature=_page_with(_SPEEX),
        read_claim=_read_ogg,
    ),
    AudioFormat(
        name="ogg_other",
        title="Ogg with other streams",
        endings=(".ogv", ".ogx"),
        decoders=(Decoder.FFMPEG,),
        demuxer="ogg",
        is_begun_by=_begins_a_stream,
        read_claim=_read_ogg,
    ),
)
