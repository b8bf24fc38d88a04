"""A listing passes over what is surely no music, and nothing else."""

from __future__ import annotations

import gzip
import importlib.util
import io
import lzma
import marshal
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from tests.audio_files import sweep, write_audio
from tests.rare_audio_files import RARE_FILES
from tonearm.transforms.audio.identification import identify_file
from tonearm.transforms.audio.other_files import other_kind
from tonearm.transforms.audio.passing_over import NoMusicError, require_perhaps_music
from tonearm.transforms.elements.track import Track
from tonearm.transforms.storage.fetch import fetched

NOISE = np.random.default_rng(6).bytes


@pytest.fixture(scope="module")
def mp3(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("song") / "song.mp3"
    return write_audio(path, "mp3_without_xing", sweep(2.0)).read_bytes()


def is_passed_over(name: str, data: bytes) -> bool:
    try:
        require_perhaps_music(f"/music/{name}", data[:200_000], len(data))
    except NoMusicError:
        return True
    return False


def zipped(mp3: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("01.mp3", mp3)
        archive.writestr("02.mp3", mp3)
    return file.getvalue()


def tarred(mp3: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        entry = tarfile.TarInfo("01.mp3")
        entry.size = len(mp3)
        archive.addfile(entry, io.BytesIO(mp3))
    return file.getvalue()


def cursor(frames: bytes) -> bytes:
    directory = struct.pack("<HHHBBBBHHII", 0, 2, 1, 32, 32, 0, 0, 1, 1, 4000, 22)
    return directory + NOISE(700) + frames[:3000] + NOISE(900)


@pytest.mark.parametrize("wrap", [zipped, tarred, gzip.compress, cursor])
@pytest.mark.parametrize("name", ["album", "album.bin"])
def test_sound_in_an_archive_or_a_cursor_is_no_track(name: str, wrap: object, mp3: bytes) -> None:
    assert callable(wrap)
    assert is_passed_over(name, wrap(mp3))


def test_sound_on_a_disc_image_is_no_track(mp3: bytes, tmp_path: Path) -> None:
    image = bytes(32_769) + b"CD001\x01" + bytes(8_000) + mp3
    assert is_passed_over("disc", image)
    assert identify_file(lambda offset, length: image[offset : offset + length], len(image)) is None


STARTS = {
    "rar": b"Rar!\x1a\x07\x00",
    "7z": b"7z\xbc\xaf\x27\x1c",
    "pdf": b"%PDF-1.7\n",
    "png": b"\x89PNG\r\n\x1a\n",
    "jpeg": b"\xff\xd8\xff\xe0\0\x10JFIF",
}


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_content_vetoes_before_frames_are_searched(start: bytes, mp3: bytes) -> None:
    assert is_passed_over("something", start + mp3)


def compiled_python() -> bytes:
    """What the interpreter that runs this test writes beside a module."""
    code = marshal.dumps(compile("pass", "module.py", "exec"))
    return importlib.util.MAGIC_NUMBER + bytes(4) + struct.pack("<II", 1_700_000_000, 5) + code


OTHERS = {
    "notes.txt": b"remember the milk\n",
    "notes_utf16.txt": "\ufeffremember the milk".encode("utf-16-le"),
    "list.m3u": "#EXTM3U\nsöng.mp3\n".encode("latin-1"),
    "disc.cue": b'FILE "disc.wav" WAVE\r\n',
    "song.mid": b"MThd\0\0\0\6" + NOISE(200),
    "song.mod": bytes(1080) + b"M.K." + NOISE(3000),
    "song.xm": b"Extended Module: a song      \x1a" + NOISE(1000),
    "song.it": b"IMPM" + NOISE(1000),
    "song.s3m": b"a song".ljust(44, b"\0") + b"SCRM" + NOISE(1000),
    "program": b"\x7fELF\2\1\1" + bytes(60),
    "program.exe": b"MZ".ljust(60, b"\0") + b"\x80\0\0\0" + NOISE(500),
    "._song.mp3": b"\0\5\x16\7\0\2\0\0Mac OS X" + bytes(100),
    "._song.flac": NOISE(4096),
    ".DS_Store": b"\0\0\0\1Bud1" + NOISE(3000),
    "Thumbs.db": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + NOISE(500),
    "peaks.reapeaks": NOISE(500),
    "compiled": compiled_python(),
    "compiled.of_python_2": b"\x03\xf3\r\n" + NOISE(4) + b"c" + bytes(12) + NOISE(300),
    ".notes.txt.swp": b"b0VIM 9.0\0\0\0\0\x10\0\0" + NOISE(4000),
    "notes_without_ending": b"b0VIM 8.2\0\0\0\0\x10\0\0" + NOISE(4000),
    "0c1e2f": zlib.compress(b"blob 3000\0" + NOISE(3000)),
    "0c1e30": zlib.compress(b"tree 0\0"),
    "pack-1": b"PACK\0\0\0\2\0\0\0\7" + NOISE(900),
    "pack-1.idx": b"\xfftOc\0\0\0\2" + NOISE(900),
    "index": b"DIRC\0\0\0\2\0\0\0\7" + NOISE(900),
    "library": b"SQLite format 3\0" + NOISE(4000),
    "library-wal": b"\x37\x7f\x06\x82\x00\x2d\xe2\x18" + NOISE(4000),
    "mach_o": b"\xcf\xfa\xed\xfe\7\0\0\1" + NOISE(900),
    "fat_mach_o_or_class": b"\xca\xfe\xba\xbe\0\0\0\2" + NOISE(900),
    "module_of_wasm": b"\0asm\1\0\0\0" + NOISE(900),
    "letter_of_office": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + NOISE(900),
    "sheet_of_office": b"PK\3\4\x14\0\6\0" + NOISE(900),
    "desktop.ini": "[.ShellClassInfo]\r\n".encode("utf-16"),
    "font": b"OTTO\0\x0b" + NOISE(900),
    "profile_of_colours": NOISE(36) + b"acsp" + NOISE(900),
    "archive_lzma": lzma.compress(NOISE(900), format=lzma.FORMAT_ALONE),
    "archive_zstd": b"\x28\xb5\x2f\xfd" + NOISE(900),
    "archive_lz4": b"\x04\x22\x4d\x18" + NOISE(900),
    "archive_lz4_of_old": b"\x02\x21\x4c\x18" + NOISE(900),
    "session_of_pro_tools": b"\x030010111100101011" + NOISE(900),
    "ProjectData": b"\x23\x47\xc0\xab" + NOISE(900),
    "session.asd": NOISE(900),
    "crate": b"vrsn\0\0\0\x38" + NOISE(900),
    "iTunesDB": b"mhbd" + NOISE(900),
    "certificate": b"\x30\x82\x03\x55\x30\x82" + NOISE(900),
    "network": b"\xd4\xc3\xb2\xa1\2\0\4\0" + NOISE(900),
    "nothing": b"",
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_surely_no_music_is_passed_over(name: str) -> None:
    assert is_passed_over(name, OTHERS[name])


MAYBE = {
    "album.mp3": b"PK\x03\x04" + NOISE(500),
    "song.mp3": b"a text that says it is a song",
    "cover.flac": b"\xff\xd8\xff\xe0 a picture",
    "song.ofr": b"OFR \x0f\0\0\0" + NOISE(500),
    "song": b"OFR \x0f\0\0\0" + NOISE(500),
    "what_is_this": NOISE(5000),
    "song.g722": NOISE(5000),
    "empty.mp3": b"",
}


@pytest.mark.parametrize("name", MAYBE)
def test_what_may_be_music_or_says_so_is_not(name: str) -> None:
    assert not is_passed_over(name, MAYBE[name])


def test_bytes_of_which_nothing_is_known_are_seldom_taken_for_something_else() -> None:
    """Two bytes are the shortest signatures: of 20,000 random beginnings not ten have one."""
    assert sum(other_kind(NOISE(200)) is not None for _ in range(20_000)) < 10


@pytest.mark.parametrize("name", ["song", "song.jpg", "._song.txt", "song.zip"])
def test_music_is_never_passed_over_whatever_it_is_called(name: str, mp3: bytes) -> None:
    assert not is_passed_over(name, mp3)


@pytest.mark.parametrize("kind", RARE_FILES)
def test_no_format_is_passed_over(kind: str) -> None:
    assert not is_passed_over("track", RARE_FILES[kind].make())


def test_a_picture_is_given_up_after_its_first_bytes(tmp_path: Path) -> None:
    def look_at(head: bytes, size: int) -> None:
        require_perhaps_music("cover", head, size)

    path = tmp_path / "cover"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(1_000_000))
    status = path.stat()
    track = Track("1", str(path), f"{status.st_mtime_ns}-{status.st_size}", status.st_size)
    with pytest.raises(NoMusicError, match="PNG"), fetched(track, 1 << 30, look_at):
        pass
