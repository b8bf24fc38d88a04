"""Sound that is encrypted fails by name and is never decoded to noise."""

from __future__ import annotations

import struct
from pathlib import Path
from uuid import UUID

import pytest

from tests.audio_files import sweep, write_audio, write_video
from tonearm.transforms.audio.encryption import encryption_of
from tonearm.transforms.audio.formats.claim import ReadAt
from tonearm.transforms.audio.reader import open_audio
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import TrackError

DEMUXERS = {"aac_m4a_moov_first": "mov", "opus_webm": "matroska", "wma": "asf"}


def reader_of(content: bytes) -> ReadAt:
    """Reads as a file does, which has nothing before its beginning."""

    def read_at(offset: int, length: int) -> bytes:
        assert offset >= 0
        assert length >= 0
        return content[offset : offset + length]

    return read_at


def box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), name) + body


def message_of(path: Path) -> str:
    with pytest.raises(TrackError) as failure:
        open_audio(path)
    assert failure.value.error is ErrorWord.UNDECODABLE
    return failure.value.message


def song(folder: Path, kind: str) -> bytes:
    return write_audio(folder / "plain", kind, sweep(1.0)).read_bytes()


def with_entry(movie: bytes, name: bytes) -> bytes:
    """Give the sample entry of the sound another name."""
    at = movie.index(b"mp4a", movie.index(b"stsd"))
    return movie[:at] + name + movie[at + 4 :]


@pytest.mark.parametrize("kind", ["aac_m4a", "aac_m4a_moov_first", "aac_m4a_fragmented"])
@pytest.mark.parametrize(
    ("entry", "scheme"), [(b"enca", "Common Encryption"), (b"drms", "FairPlay"), (b"aavd", "Audible")]
)
def test_encrypted_sample_entries(kind: str, entry: bytes, scheme: str, tmp_path: Path) -> None:
    path = tmp_path / "song.m4a"
    path.write_bytes(with_entry(song(tmp_path, kind), entry))
    assert message_of(path) == f"the sound is encrypted ({scheme})"


@pytest.mark.parametrize(("scheme", "name"), [(b"cenc", "Common Encryption"), (b"itun", "FairPlay")])
def test_a_scheme_is_found_whatever_the_entry_is_called(scheme: bytes, name: str, tmp_path: Path) -> None:
    """Boxes of the size of ``esds`` take its place."""
    movie = bytearray(song(tmp_path, "aac_m4a"))
    descriptor = movie.index(b"esds") - 4
    (size,) = struct.unpack_from(">I", movie, descriptor)
    schemes = box(b"schm", bytes(4) + scheme + bytes(4))
    protection = box(b"sinf", schemes + box(b"free", bytes(size - 16 - len(schemes))))
    movie[descriptor : descriptor + size] = protection
    path = tmp_path / "song.m4a"
    path.write_bytes(movie)
    assert message_of(path) == f"the sound is encrypted ({name})"


def test_a_film_with_encrypted_pictures_is_its_sound(tmp_path: Path) -> None:
    film = write_video(tmp_path / "film", sweep(1.0)).read_bytes()
    at = film.index(b"mp4v", film.index(b"stsd"))
    path = tmp_path / "encrypted.mp4"
    path.write_bytes(film[:at] + b"encv" + film[at + 4 :])
    with open_audio(path) as audio:
        assert audio.info.codec == "aac"


@pytest.mark.parametrize(
    "guid",
    [
        "2211B3FB-BD23-11D2-B4B7-00A0C955FC6E",
        "298AE614-2622-4C17-B935-DAE07EE9289C",
        "43058533-6981-49E6-9B74-AD12CB86D58C",
    ],
)
def test_asf_with_an_object_of_encryption(guid: str, tmp_path: Path) -> None:
    content = bytearray(song(tmp_path, "wma"))
    inserted = UUID(guid).bytes_le + struct.pack("<Q", 24 + 16) + bytes(16)
    size, count = struct.unpack_from("<QI", content, 16)
    struct.pack_into("<QI", content, 16, size + len(inserted), count + 1)
    content[30:30] = inserted
    path = tmp_path / "song.wma"
    path.write_bytes(content)
    assert message_of(path) == "the sound is encrypted (Windows Media DRM)"


def element(name: str, body: bytes) -> bytes:
    """A Matroska element with a size of 8 bytes."""
    return bytes.fromhex(name) + (1 << 56 | len(body)).to_bytes(8, "big") + body


@pytest.mark.parametrize(("track_type", "fails_as_encrypted"), [(2, True), (1, False)])
def test_matroska_with_an_encrypted_track(track_type: int, fails_as_encrypted: bool, tmp_path: Path) -> None:
    encryption = element("6D80", element("6240", element("5033", b"\x01") + element("5035", b"")))
    track = (
        element("D7", b"\x01") + element("83", bytes([track_type])) + element("86", b"A_OPUS") + encryption
    )
    head = element("1A45DFA3", element("4282", b"matroska"))
    path = tmp_path / "song.mka"
    path.write_bytes(head + element("18538067", element("1654AE6B", element("AE", track))))
    with pytest.raises(TrackError) as failure:
        open_audio(path)
    assert ("encrypted" in failure.value.message) == fails_as_encrypted


@pytest.mark.parametrize("kind", ["aac_m4a_moov_first", "opus_webm", "wma"])
def test_broken_headers_are_searched_without_an_accident(kind: str, tmp_path: Path) -> None:
    rate_hz = 48000 if kind == "opus_webm" else 44100
    path = write_audio(tmp_path / "plain", kind, sweep(0.3, rate_hz=rate_hz), rate_hz=rate_hz)
    whole = path.read_bytes()
    size = len(whole)
    for place in range(min(size, 500)):
        for changed in (0x01, 0x7F, 0xFF):
            content = whole[:place] + bytes([changed]) + whole[place + 1 :]
            found = encryption_of(reader_of(content), 0, size, DEMUXERS[kind])
            assert found is None, (place, changed)
