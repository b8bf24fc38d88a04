"""Which WAV files TensorFlow I/O reads as they are meant.

Its reader believes every number in the header: sizes that do not fit each other make it write behind its
buffers, divide by zero or run in circles, and it takes all samples of 32 bits for floating-point numbers. So
the header is read here first, and the file is shown only if nothing about it is odd.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from tonearm.transforms.audio.decoders.decoder import DecoderError
from tonearm.transforms.audio.formats.claim import MAX_CHUNKS, ReadAt, chunks

_BEFORE_FORMAT = (b"JUNK", b"bext", b"iXML", b"qlty", b"mext", b"levl", b"link", b"axml")
"""Chunks that TensorFlow I/O steps over in front of the format."""

_FORMAT_BYTES = (16, 18, 40)
_INTEGERS, _FLOATS, _EXTENSIBLE = 0x0001, 0x0003, 0xFFFE
_EXTENSION_BYTES = 24
_LARGEST_SIZE = (1 << 31) - 1
"""Sizes are kept in signed numbers of 32 bits."""

_CODECS: Mapping[tuple[int, int], str] = {
    (_INTEGERS, 8): "pcm_u8",
    (_INTEGERS, 16): "pcm_s16",
    (_INTEGERS, 24): "pcm_s24",
    (_INTEGERS, 32): "pcm_s32",
    (_FLOATS, 32): "pcm_f32",
}
"""By what the numbers are and their bits."""


def codec_of_plain_wav(read_at: ReadAt) -> str:
    """The word for the samples of a WAV that begins at the file's first byte.

    Raises:
        DecoderError: It is not one that TensorFlow I/O reads rightly.
    """
    (riff_bytes,) = struct.unpack("<4xI4x", read_at(0, 12))
    for chunk in chunks(read_at, 12, riff_bytes + 8, "<4sI"):
        if chunk.name == b"fmt ":
            if chunk.size not in _FORMAT_BYTES or riff_bytes > _LARGEST_SIZE:
                break
            codec, block_bytes = _read_format(read_at(chunk.offset, chunk.size))
            _require_plain_chunks(read_at, chunk.offset + chunk.size, riff_bytes + 8, block_bytes)
            return codec
        if chunk.name not in _BEFORE_FORMAT or chunk.size > _LARGEST_SIZE:
            break
    raise DecoderError("TensorFlow I/O: not the header of a plain WAV")


def _read_format(format_chunk: bytes) -> tuple[str, int]:
    """The word for the samples, and the bytes that one of all channels takes."""
    tag, channels, _, _, block_bytes, bits = struct.unpack_from("<HHIIHH", format_chunk)
    if tag == _EXTENSIBLE and len(format_chunk) > _EXTENSION_BYTES:
        (tag,) = struct.unpack_from("<H", format_chunk, _EXTENSION_BYTES)  # of the GUID, what tells
    codec = _CODECS.get((tag, bits))
    if codec is None or not channels or block_bytes != channels * bits // 8:
        raise DecoderError("TensorFlow I/O: not the samples of a plain WAV")
    return codec, block_bytes


def _require_plain_chunks(read_at: ReadAt, offset: int, end: int, block_bytes: int) -> None:
    """Walk the chunks behind the format as TensorFlow I/O does, which knows of no padding.

    Raises:
        DecoderError: It would lose its way among them.
    """
    data_chunks = 0
    for _ in range(MAX_CHUNKS):
        header = read_at(offset, 8)
        if len(header) < 8:
            break
        name, size = struct.unpack("<4sI", header)
        if size > _LARGEST_SIZE or (name == b"data" and size % block_bytes):
            break
        data_chunks += name == b"data"
        offset += 8 + size
        if offset >= end:
            if data_chunks == 1:
                return
            break
    raise DecoderError("TensorFlow I/O: not the chunks of a plain WAV")
