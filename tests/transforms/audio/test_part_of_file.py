"""A file from some offset on."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from tonearm.transforms.audio.formats.claim import Correction
from tonearm.transforms.audio.part_of_file import PartOfFile


def test_a_part_of_a_file_reads_as_if_the_file_began_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"rubbish, then sound")
    with path.open("rb") as file:
        part = PartOfFile(file.fileno(), 14)
        assert part.read(3) == b"sou"
        assert part.tell() == 3
        assert part.read() == b"nd"
        assert part.read(5) == b""
        assert part.seek(-4, io.SEEK_END) == 1
        assert part.read() == b"ound"
        assert part.seek(1) == 1
        assert part.seek(1, io.SEEK_CUR) == 2
        with pytest.raises(OSError, match="beginning"):
            part.seek(-3, io.SEEK_CUR)
        assert file.read() == b"rubbish, then sound"


def test_corrections_are_read_in_the_place_of_what_stands_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"rubbish, then sound")
    with path.open("rb") as file:
        part = PartOfFile(file.fileno(), 9, corrections=[Correction(12, b"WXYZ")])
        assert part.read() == b"theWXYZund"
        part.seek(4)
        assert part.read(2) == b"XY"


def test_damage_is_not_seen_at_all(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(100)))
    with path.open("rb") as file:
        removed = [Correction(90, removed=50), Correction(20, removed=30), Correction(60, b"\xff")]
        part = PartOfFile(file.fileno(), 10, corrections=removed)
        seen = part.read()
        assert part.seek(-1, 2) == 49
        assert part.read() == b"\x59"
        assert part.seek(9) == 9
        assert part.read(1) == b"\x13"
    assert seen == bytes([*range(10, 20), *range(50, 60), 255, *range(61, 90)])
