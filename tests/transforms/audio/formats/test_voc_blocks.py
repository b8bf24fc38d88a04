"""The blocks of a Creative Voice file: all of them are heard, and one that is missing or broken is told."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.transforms.audio.damage import hear

RATE_HZ = 8000
BLOCK_SAMPLES = 4000
HEADER = b"Creative Voice File\x1a" + struct.pack("<HHH", 26, 0x0114, 0x1129 - 10)
END = b"\0"

Blocks = Callable[[int], list[bytes]]


def block(kind: int, content: bytes) -> bytes:
    return bytes([kind]) + struct.pack("<I", len(content))[:3] + content


def samples(number: int, dtype: str) -> bytes:
    phase = np.arange(BLOCK_SAMPLES) * (number + 2) / 9
    return (np.sin(phase) * 100 + (128 if dtype == "u1" else 0)).astype(dtype).tobytes()


def old_blocks(count: int) -> list[bytes]:
    """Of 8 bits: the first with rate and codec, the others going on."""
    begins = block(1, bytes([256 - 1_000_000 // RATE_HZ, 0]) + samples(0, "u1"))
    return [begins, *(block(2, samples(number, "u1")) for number in range(1, count))]


def new_blocks(count: int) -> list[bytes]:
    """Of 16 bits, each with its own fields."""
    fields = struct.pack("<IBBHI", RATE_HZ, 16, 1, 4, 0)
    return [block(9, fields + samples(number, "<i2")) for number in range(count)]


def heard(folder: Path, content: bytes) -> tuple[float, str]:
    path = folder / "file"
    path.write_bytes(content)
    return hear(path)


@pytest.mark.parametrize("make", [old_blocks, new_blocks])
@pytest.mark.parametrize("count", [1, 5])
@pytest.mark.parametrize("end", [END, b"", END + bytes(40)])
def test_all_blocks_are_heard(make: Blocks, count: int, end: bytes, tmp_path: Path) -> None:
    comment = block(5, b"a comment\0")
    seconds, outcome = heard(tmp_path, HEADER + comment + b"".join(make(count)) + end)
    assert seconds == pytest.approx(count * BLOCK_SAMPLES / RATE_HZ, abs=0.01)
    assert outcome == "whole"


@pytest.mark.parametrize("make", [old_blocks, new_blocks])
@pytest.mark.parametrize("place", [0.2, 0.5, 0.75])
@pytest.mark.parametrize("length", [300, 3000])
def test_a_piece_that_is_missing_is_told(make: Blocks, place: float, length: int, tmp_path: Path) -> None:
    content = HEADER + b"".join(make(5)) + END
    start = round(place * len(content))
    _, outcome = heard(tmp_path, content[:start] + content[start + length :])
    assert outcome == "truncated"


@pytest.mark.parametrize("make", [old_blocks, new_blocks])
def test_an_end_in_the_middle_is_told(make: Blocks, tmp_path: Path) -> None:
    blocks = make(5)
    _, outcome = heard(tmp_path, HEADER + b"".join(blocks[:2]) + END + b"".join(blocks[2:]) + END)
    assert outcome == "truncated"


@pytest.mark.parametrize("marker", [b"\x01\xff\xff\x7f", b"\x00\x00\x00\x00", b"\xff\xff\xff\xff"])
def test_a_length_that_is_eight_bytes_too_short_is_no_loss(marker: bytes, tmp_path: Path) -> None:
    """As SoX wrote it in the nineties: whatever sample begins the last eight bytes, it is no block."""
    fields = struct.pack("<IBBHI", RATE_HZ, 16, 1, 4, 0)
    content = block(9, fields + samples(0, "<i2")) + marker + bytes(4) + END
    seconds, outcome = heard(tmp_path, HEADER + content)
    assert (seconds, outcome) == (pytest.approx(BLOCK_SAMPLES / RATE_HZ, abs=0.01), "whole")
