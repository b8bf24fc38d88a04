"""Which WAVs TensorFlow I/O is shown; it believes what their headers say, and must not see all of them."""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonearm.transforms.audio.decoders.decoder import DecoderError
from tonearm.transforms.audio.decoders.plain_wav import codec_of_plain_wav

PCM, FLOATS, EXTENSIBLE = 1, 3, 0xFFFE
SAMPLES = bytes(96)


def format_chunk(tag: int = PCM, channels: int = 2, block_bytes: int = 4, bits: int = 16) -> bytes:
    return struct.pack(
        "<4sIHHIIHH", b"fmt ", 16, tag, channels, 44100, 44100 * block_bytes, block_bytes, bits
    )


def extensible(subformat: int) -> bytes:
    body = struct.pack("<HHIIHHHHI", EXTENSIBLE, 2, 44100, 264600, 6, 24, 22, 24, 3)
    return b"fmt " + struct.pack("<I", 40) + body + struct.pack("<H", subformat) + bytes(14)


def chunk(name: bytes, body: bytes, size: int | None = None) -> bytes:
    return name + struct.pack("<I", len(body) if size is None else size) + body


def wav(*chunks: bytes) -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def reader_of(data: bytes) -> Callable[[int, int], bytes]:
    return lambda offset, length: data[offset : offset + length]


@pytest.mark.parametrize(
    ("chunks", "word"),
    [
        ([format_chunk(PCM, 1, 1, 8), chunk(b"data", SAMPLES)], "pcm_u8"),
        ([format_chunk(), chunk(b"data", SAMPLES)], "pcm_s16"),
        ([format_chunk(PCM, 2, 6, 24), chunk(b"data", SAMPLES)], "pcm_s24"),
        ([format_chunk(PCM, 2, 8, 32), chunk(b"data", SAMPLES)], "pcm_s32"),
        ([format_chunk(FLOATS, 2, 8, 32), chunk(b"data", SAMPLES)], "pcm_f32"),
        ([extensible(PCM), chunk(b"data", SAMPLES)], "pcm_s24"),
        ([chunk(b"JUNK", bytes(28)), format_chunk(), chunk(b"data", SAMPLES)], "pcm_s16"),
        (
            [format_chunk(), chunk(b"LIST", bytes(4)), chunk(b"data", SAMPLES), chunk(b"id3 ", b"ab")],
            "pcm_s16",
        ),
    ],
)
def test_plain_ones_are_shown(chunks: list[bytes], word: str) -> None:
    assert codec_of_plain_wav(reader_of(wav(*chunks))) == word


@pytest.mark.parametrize(
    "chunks",
    [
        [format_chunk(block_bytes=0), chunk(b"data", SAMPLES)],  # it would divide by it
        [format_chunk(block_bytes=8), chunk(b"data", SAMPLES)],  # it would write behind its buffer
        [format_chunk(channels=0, block_bytes=0), chunk(b"data", SAMPLES)],
        [format_chunk(FLOATS, 2, 16, 64), chunk(b"data", SAMPLES)],
        [format_chunk(2), chunk(b"data", SAMPLES)],  # ADPCM
        [extensible(6), chunk(b"data", SAMPLES)],  # A-law, by the GUID
        [format_chunk(), chunk(b"data", SAMPLES, 0xFFFFFFF8)],  # it would run in circles
        [format_chunk(), chunk(b"LIST", b"abc\0", 3), chunk(b"data", SAMPLES)],  # it knows of no padding
        [format_chunk(), chunk(b"data", SAMPLES), chunk(b"data", SAMPLES)],
        [format_chunk(), chunk(b"data", SAMPLES[:-1]), b"\0"],
        [format_chunk()],
        [chunk(b"odd ", bytes(8)), format_chunk(), chunk(b"data", SAMPLES)],
        [],
    ],
)
def test_all_others_are_left_to_the_usual_decoders(chunks: list[bytes]) -> None:
    with pytest.raises(DecoderError):
        codec_of_plain_wav(reader_of(wav(*chunks)))


@given(st.integers(0, 63), st.binary(min_size=1, max_size=8))
def test_whatever_a_header_says_it_is_shown_or_not(at: int, damage: bytes) -> None:
    data = bytearray(wav(format_chunk(), chunk(b"LIST", bytes(4)), chunk(b"data", SAMPLES)))
    data[at : at + len(damage)] = damage
    with suppress(DecoderError):
        assert codec_of_plain_wav(reader_of(bytes(data))).startswith("pcm_")
