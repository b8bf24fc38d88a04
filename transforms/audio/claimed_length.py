"""What a container says about its own length, so that a file that ends too early is known as such."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from tonearm.transforms.audio.identification import HEAD_BYTES, AudioFormat, ReadAt, end_of_leading_tags
from tonearm.transforms.audio.mpeg_frames import (
    HeaderParser,
    find_first_frame,
    last_frame_is_cut,
    parse_adts_header,
    parse_mpeg_header,
    parse_vbr_header,
)

MAX_CHUNKS = 100_000
"""Bounds the walk over a hostile file that consists of empty chunks."""

TAIL_BYTES = 32 * 1024
LONGEST_OGG_PAGE_BYTES = 65307

_STREAMED_SIZES = (0, 0xFFFFFFFF, 0x7FFFF000)
"""What FFmpeg, arecord and SoX put for a size that they do not know when writing into a pipe."""

_AIFC_PCM = (b"NONE", b"twos", b"sowt", b"in24", b"in32", b"fl32", b"FL32", b"fl64", b"FL64")
_WAV_PCM_TAGS = (0x0001, 0x0003, 0xFFFE)
_MPEG_TRIM_SLACK_SAMPLES = 4 * 1152


@dataclass(frozen=True, slots=True)
class Claim:
    """A container's own word on its length.

    Attributes:
        samples: Samples per channel that the file should decode to; None where it does not say.
        slack_samples: How many fewer an intact file may decode to, for decoders trim differently.
        cut: True if the file ends inside something that the container has announced.
    """

    samples: int | None = None
    slack_samples: int = 0
    cut: bool = False

    def is_missed_by(self, samples: int) -> bool:
        """True if so many decoded samples per channel are too few."""
        return self.samples is not None and samples + self.slack_samples < self.samples


@dataclass(frozen=True, slots=True)
class _Chunk:
    """A span with a name; ``size`` is what its header says, whether the file is that long or not."""

    name: bytes
    offset: int
    size: int


def read_claim(read_at: ReadAt, size: int, audio_format: AudioFormat) -> Claim:
    """Read what a file says about its own length; a broken header says nothing.

    Args:
        read_at: Reads bytes at an offset.
        size: The file's size in bytes.
        audio_format: What ``identify_file`` found.
    """
    start = end_of_leading_tags(read_at)
    try:
        return _READERS[audio_format](read_at, start, size)
    except (struct.error, IndexError):
        return Claim()


def _read_mp3(read_at: ReadAt, start: int, size: int) -> Claim:
    head = read_at(start, HEAD_BYTES)
    first = find_first_frame(head, parse_mpeg_header, whole=len(head) < HEAD_BYTES)
    header = parse_mpeg_header(head, first) if first is not None else None
    if first is None or header is None:
        return Claim()
    cut = _tail_is_cut(read_at, start, size, parse_mpeg_header)
    vbr = parse_vbr_header(head[first : first + header.frame_bytes], header)
    if vbr is None:
        return Claim(cut=cut)
    ends_early = vbr.stream_bytes is not None and start + first + vbr.stream_bytes > size
    return Claim(vbr.samples, _MPEG_TRIM_SLACK_SAMPLES, cut or ends_early)


def _read_adts(read_at: ReadAt, start: int, size: int) -> Claim:
    return Claim(cut=_tail_is_cut(read_at, start, size, parse_adts_header))


def _tail_is_cut(read_at: ReadAt, start: int, size: int, parse: HeaderParser) -> bool:
    end = _start_of_trailing_tags(read_at, size)
    tail_start = max(start, end - TAIL_BYTES)
    return last_frame_is_cut(read_at(tail_start, end - tail_start), parse)


def _start_of_trailing_tags(read_at: ReadAt, size: int) -> int:
    """Offset of the ID3v1 and APEv2 tags that a stream may end with; the file's size without any."""
    end = size
    if end >= 128 and read_at(end - 128, 3) == b"TAG":
        end -= 128
    footer = read_at(end - 32, 32) if end >= 32 else b""
    if footer[:8] == b"APETAGEX":
        body_and_footer, _, flags = struct.unpack_from("<III", footer, 12)
        has_header = flags >> 31
        end -= body_and_footer + 32 * has_header
    return max(end, 0)


def _read_flac(read_at: ReadAt, start: int, size: int) -> Claim:
    """STREAMINFO is the first block: 36 bits, 21 bytes in, count the samples; 0 for unknown."""
    del size
    packed = int.from_bytes(read_at(start + 18, 8), "big")
    return Claim(samples=packed & (1 << 36) - 1 or None)


def _read_wav(read_at: ReadAt, start: int, size: int) -> Claim:
    block_bytes, true_size = 0, None
    for chunk in _chunks(read_at, start + 12, size, "<4sI"):
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
            return _claim_of_data(chunk.offset, data_bytes, block_bytes, size)
    return Claim()


def _wav_block_bytes(fmt: bytes) -> int:
    """Bytes that one sample of all channels takes; 0 for a codec that is not PCM."""
    tag, _channels, _rate_hz, _bytes_per_second, block_bytes = struct.unpack_from("<HHIIH", fmt)
    return int(block_bytes) if tag in _WAV_PCM_TAGS else 0


def _read_w64(read_at: ReadAt, start: int, size: int) -> Claim:
    block_bytes = 0
    for chunk in _chunks(read_at, start + 40, size, "<16sQ", counts_header=True, alignment=8):
        if chunk.name[:4] == b"fmt ":
            block_bytes = _wav_block_bytes(read_at(chunk.offset, 16))
        elif chunk.name[:4] == b"data":
            return _claim_of_data(chunk.offset, chunk.size, block_bytes, size)
    return Claim()


def _read_aiff(read_at: ReadAt, start: int, size: int) -> Claim:
    samples, cut = None, False
    for chunk in _chunks(read_at, start + 12, size, ">4sI"):
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
    for chunk in _chunks(read_at, start + 8, size, ">4sQ", alignment=1):
        if chunk.name == b"desc":
            codec, _flags, bytes_per_packet = struct.unpack_from(">4sII", read_at(chunk.offset, 32), 8)
            packet_bytes = bytes_per_packet if codec == b"lpcm" else 0
        elif chunk.name == b"data" and chunk.size != unknown_size:
            edit_count_bytes = 4
            return _claim_of_data(
                chunk.offset + edit_count_bytes, chunk.size - edit_count_bytes, packet_bytes, size
            )
    return Claim()


def _claim_of_data(offset: int, data_bytes: int, block_bytes: int, size: int) -> Claim:
    samples = data_bytes // block_bytes if block_bytes else None
    return Claim(samples=samples, cut=offset + data_bytes > size)


def _chunks(
    read_at: ReadAt, offset: int, size: int, layout: str, *, counts_header: bool = False, alignment: int = 2
) -> Iterator[_Chunk]:
    """Walk named chunks that stand end to end.

    Args:
        read_at: Reads bytes at an offset.
        offset: Where the first one begins.
        size: The file's size in bytes.
        layout: ``struct`` layout of a chunk's header: its name and its size.
        counts_header: True if the size includes the header.
        alignment: The next chunk begins at a multiple of this, counted from the chunk's start.
    """
    header_bytes = struct.calcsize(layout)
    for _ in range(MAX_CHUNKS):
        header = read_at(offset, header_bytes)
        if len(header) < header_bytes or offset >= size:
            return
        name, chunk_bytes = struct.unpack(layout, header)
        body_bytes = max(chunk_bytes - header_bytes, 0) if counts_header else chunk_bytes
        yield _Chunk(name, offset + header_bytes, body_bytes)
        offset += header_bytes + -(-body_bytes // alignment) * alignment


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
    chunks = _chunks(read_at, start, size, "<16sQ", counts_header=True, alignment=1)
    return Claim(cut=any(chunk.offset + chunk.size > size for chunk in chunks))


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


def _read_ogg(read_at: ReadAt, start: int, size: int) -> Claim:
    """The last page must be whole and bear the end-of-stream flag."""
    tail_start = max(start, size - 2 * LONGEST_OGG_PAGE_BYTES)
    tail = read_at(tail_start, size - tail_start)
    page = tail.rfind(b"OggS\x00")
    header = tail[page : page + 27]
    if page < 0 or len(header) < 27:
        return Claim(cut=True)
    segment_table = tail[page + 27 : page + 27 + header[26]]
    page_bytes = 27 + header[26] + sum(segment_table)
    ends_stream = bool(header[5] & 0x04)
    return Claim(cut=page + page_bytes > len(tail) or not ends_stream)


_READERS: Mapping[AudioFormat, Callable[[ReadAt, int, int], Claim]] = {
    AudioFormat.MP3: _read_mp3,
    AudioFormat.ADTS: _read_adts,
    AudioFormat.FLAC: _read_flac,
    AudioFormat.WAV: _read_wav,
    AudioFormat.W64: _read_w64,
    AudioFormat.AIFF: _read_aiff,
    AudioFormat.CAF: _read_caf,
    AudioFormat.MP4: _read_mp4,
    AudioFormat.ASF: _read_asf,
    AudioFormat.MATROSKA: _read_matroska,
    AudioFormat.OGG_VORBIS: _read_ogg,
    AudioFormat.OGG_OPUS: _read_ogg,
    AudioFormat.OGG_FLAC: _read_ogg,
    AudioFormat.OGG_SPEEX: _read_ogg,
}
