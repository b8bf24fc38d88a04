"""A listing passes over what is surely no music, and nothing else."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.audio_files import sweep, write_audio
from tests.rare_audio_files import RARE_FILES
from tonearm.transforms.audio.identification import identify_file
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
