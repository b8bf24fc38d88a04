"""Vorbis whose sound begins oddly starts where libsndfile has it start, as for the taggers' training."""

from __future__ import annotations

import struct
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from tests.catalog import write_song
from tonearm.transforms.audio.reader import open_audio

Pages = list[bytes]


@pytest.fixture
def pages(tmp_path: Path) -> Pages:
    """An ordinary file's pages: identification, comments and setup, and the sound from the third one on."""
    content = write_song(tmp_path / "ordinary.ogg", "vorbis", seconds=12.0).read_bytes()
    starts = [place for place in range(len(content)) if content.startswith(b"OggS\0", place)]
    return [content[start:end] for start, end in pairwise([*starts, len(content)])]


def with_sound_among_headers(pages: Pages) -> Pages:
    """Put the first page of sound onto the page of the headers."""
    headers, sound = pages[1], pages[2]
    merged = page_of(sound, lacing_of(headers) + lacing_of(sound), body_of(headers) + body_of(sound))
    return [pages[0], merged, *pages[3:]]


def with_a_start_before_zero(pages: Pages) -> Pages:
    """Give the first two packets of sound, which make 576 samples, a page that ends at sample 476."""
    sound, lacing = pages[2], lacing_of(pages[2])
    ends = [place for place, length in enumerate(lacing, start=1) if length < 255]
    first, split = ends[1], sum(lacing[: ends[1]])
    beginning = page_of(sound, lacing[:first], body_of(sound)[:split])
    rest = page_of(sound, lacing[first:], body_of(sound)[split:])
    later = [moved_to(page, position_of(page) - 100) for page in (rest, *pages[3:])]
    return [*pages[:2], moved_to(beginning, 476), *later]


def page_of(header: bytes, lacing: bytes, body: bytes) -> bytes:
    """A page with another one's header and new content."""
    return header[:26] + bytes([len(lacing)]) + lacing + body


def lacing_of(page: bytes) -> bytes:
    return page[27 : 27 + page[26]]


def body_of(page: bytes) -> bytes:
    return page[27 + page[26] :]


def position_of(page: bytes) -> int:
    return int(struct.unpack_from("<q", page, 6)[0])


def moved_to(page: bytes, position: int) -> bytes:
    return page[:6] + struct.pack("<q", position) + page[14:]


def written(path: Path, pages: Pages) -> Path:
    """Number the pages anew, seal them with their checksums and write them."""
    sealed = []
    for number, page in enumerate(pages):
        page = page[:18] + struct.pack("<I", number) + bytes(4) + page[26:]  # noqa: PLW2901
        sealed.append(page[:22] + struct.pack("<I", checksum(page)) + page[26:])
    path.write_bytes(b"".join(sealed))
    return path


def checksum(page: bytes) -> int:
    """Ogg's CRC-32: not reflected, and begun with zero."""
    value = 0
    for byte in page:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1) ^ (0x04C11DB7 if value & 0x80000000 else 0)
        value &= 0xFFFFFFFF
    return value


@pytest.mark.parametrize(
    ("bend", "missing_samples"),
    [(list, 0), (with_a_start_before_zero, 100), (with_sound_among_headers, 1000)],
)
def test_the_sound_begins_where_libsndfile_has_it_begin(
    bend: Callable[[Pages], Pages], missing_samples: int, pages: Pages, tmp_path: Path
) -> None:
    path = written(tmp_path / "bent.ogg", bend(pages))
    expected = sf.read(path, dtype="float32", always_2d=True)[0].mean(axis=1)
    with open_audio(path) as audio:
        decoded = np.concatenate(list(audio.samples(audio.info.sample_rate_hz)))
        assert not audio.truncated
    assert len(expected) <= 12 * 44100 - missing_samples
    assert len(decoded) == len(expected)
    np.testing.assert_allclose(decoded, expected, atol=1e-5)
