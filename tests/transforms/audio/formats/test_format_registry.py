"""The registry of formats: each entry is whole, its libraries know its names, and the docs list it."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
import soundfile as sf

from tonearm.transforms.audio.formats.audio_format import AudioFormat, Decoder
from tonearm.transforms.audio.formats.registry import AUDIO_ENDINGS, FORMATS, format_named
from tonearm.transforms.audio.other_files import other_kind

PAGE = Path(__file__).parents[4] / "docs" / "formats.md"
BY_NAME = pytest.mark.parametrize("known", FORMATS, ids=lambda known: known.name)


def test_names_are_unique() -> None:
    assert len({known.name for known in FORMATS}) == len(FORMATS)
    assert len({known.title for known in FORMATS}) == len(FORMATS)
    assert format_named("flac").title == "FLAC"


@BY_NAME
def test_its_decoders_know_it_by_its_names(known: AudioFormat) -> None:
    assert (Decoder.FFMPEG in known.decoders) == bool(known.demuxer)
    assert (Decoder.LIBSNDFILE in known.decoders) == bool(known.soundfile)
    names = {name for names in av.formats_available for name in names.split(",")}
    assert not known.demuxer or known.demuxer in names
    assert set(known.soundfile) <= sf.available_formats().keys()


@BY_NAME
def test_nothing_passes_for_it_that_is_too_short_to_tell(known: AudioFormat) -> None:
    assert not any(known.is_begun_by(data) for data in (b"", b"\0", b"\xff", bytes(64)))


def test_endings_are_written_as_they_are_compared() -> None:
    assert all(ending == ending.lower() and ending.startswith(".") for ending in AUDIO_ENDINGS)


@BY_NAME
def test_the_docs_list_it_with_its_decoders(known: AudioFormat) -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith(f"| {known.title} |")]
    assert len(rows) == 1, known.title
    decoders = rows[0].split("|")[3].strip()
    assert decoders == (", ".join(known.decoders) or "none")
    assert all(f"`{ending}`" in rows[0] for ending in known.endings)


STARTS = [b"fLaC", b"OggS\0", b"RIFF\x24\0\0\0WAVEfmt ", b"wvpk", b"MAC ", b".snd", b"ID3\3"]


@pytest.mark.parametrize("start", STARTS)
def test_no_format_is_vetoed_as_something_else(start: bytes) -> None:
    assert other_kind(start + bytes(2000)) is None
