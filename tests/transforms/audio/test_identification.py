"""Telling a file's format from its bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.audio_files import RECIPES, id3v2_tag, sweep, write_audio
from tonearm.transforms.audio.formats.audio_format import AudioFormat
from tonearm.transforms.audio.formats.registry import format_named
from tonearm.transforms.audio.identification import HEAD_BYTES, identify, identify_file

FORMAT_OF_KIND = {
    "mp3": "mp3",
    "mp3_without_xing": "mp3",
    "aac_adts": "adts",
    "aac_m4a": "mp4",
    "flac": "flac",
    "wav_16": "wav",
    "rf64": "wav",
    "w64": "w64",
    "aiff_16": "aiff",
    "aifc_float": "aiff",
    "caf_16": "caf",
    "vorbis": "ogg_vorbis",
    "opus": "ogg_opus",
    "flac_ogg": "ogg_flac",
    "wma": "asf",
    "opus_webm": "matroska",
}

OTHER_FILES = {
    "empty": b"",
    "one_byte": b"\xff",
    "text": b"All the songs of the world " * 3000,
    "utf16_text": ("\ufeff" + "Song " * 3000).encode("utf-16-le"),
    "html": b"<!DOCTYPE html><html></html>",
    "playlist": b"#EXTM3U\n#EXTINF:5,\nhttp://example.org/song.mp3\n",
    "concat": b"ffconcat version 1.0\nfile 'song.mp3'\n",
    "jpeg": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + np.random.default_rng(2).bytes(50_000),
    "png": b"\x89PNG\r\n\x1a\n" + np.random.default_rng(2).bytes(50_000),
    "pdf": b"%PDF-1.7\n" + np.random.default_rng(2).bytes(50_000),
    "zip": b"PK\x03\x04" + np.random.default_rng(2).bytes(50_000),
    "avif": b"\x00\x00\x00\x20ftypavif" + bytes(100),
    "webp": b"RIFF\x00\x01\x00\x00WEBPVP8 " + bytes(100),
    "ones": b"\xff" * 200_000,
    "zeros": bytes(200_000),
}


def identify_bytes(data: bytes) -> AudioFormat | None:
    identified = identify_file(lambda offset, length: data[offset : offset + length], len(data))
    return identified and identified.audio_format


@pytest.fixture
def audio(request: pytest.FixtureRequest, tmp_path: Path) -> bytes:
    kind: str = request.param
    rate_hz = RECIPES[kind].rates_hz[-1] if RECIPES[kind].rates_hz else 44100
    return write_audio(tmp_path / "x", kind, sweep(0.5, rate_hz=rate_hz), rate_hz=rate_hz).read_bytes()


@pytest.mark.parametrize(("audio", "expected"), FORMAT_OF_KIND.items(), indirect=["audio"])
def test_audio_is_recognised(audio: bytes, expected: str) -> None:
    assert identify(audio[:HEAD_BYTES], len(audio)) is format_named(expected)
    assert identify(audio[:HEAD_BYTES]) is format_named(expected)
    assert identify_bytes(audio) is format_named(expected)


@pytest.mark.parametrize("data", OTHER_FILES.values(), ids=OTHER_FILES)
def test_other_files_are_not(data: bytes) -> None:
    assert identify(data[:HEAD_BYTES], len(data)) is None
    assert identify_bytes(data) is None


def test_random_bytes_do_not_pass_as_frames() -> None:
    random = np.random.default_rng(7)
    assert not any(identify(random.bytes(HEAD_BYTES), 1_000_000) for _ in range(100))


@pytest.mark.parametrize("audio", ["mp3", "aac_adts"], indirect=True)
@pytest.mark.parametrize("junk", [bytes(5000), b"junk\xff\xfb" * 900], ids=["zeros", "noise"])
def test_a_stream_may_begin_with_some_junk(audio: bytes, junk: bytes) -> None:
    assert identify_bytes(junk + audio) is identify_bytes(audio)


@pytest.mark.parametrize("audio", ["mp3", "flac", "aac_adts"], indirect=True)
def test_id3_tags_are_skipped(audio: bytes) -> None:
    tagged = id3v2_tag(3000) + id3v2_tag(100_000) + audio
    assert identify_bytes(tagged) is identify_bytes(audio)
    assert identify((id3v2_tag(3000) + audio)[:HEAD_BYTES]) is identify_bytes(audio)


def test_a_head_that_ends_inside_the_tag_is_taken_for_mp3() -> None:
    assert identify(id3v2_tag(500_000)[:HEAD_BYTES], 3_000_000) is format_named("mp3")


def test_a_tag_without_anything_behind_it_is_no_audio() -> None:
    tag = id3v2_tag(500_000)
    assert identify(tag[:HEAD_BYTES], len(tag)) is None
    assert identify_bytes(tag) is None


@pytest.mark.parametrize("audio", ["mp3"], indirect=True)
def test_a_clip_of_two_frames_is_audio(audio: bytes) -> None:
    start = audio.index(b"\xff\xfb")
    assert identify(audio[start : start + 600], 600) is format_named("mp3")


def test_code_that_looks_like_layer_1_frames_is_none() -> None:
    """Jump tables of programs repeat FF FF and what passes for a bit rate at equal distances."""
    entry = bytes.fromhex("ff25d02f00006800000000e9e0ffffff")
    assert identify_bytes(bytes(range(1, 120)) + entry * 4000) is None
