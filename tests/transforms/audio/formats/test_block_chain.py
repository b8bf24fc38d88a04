"""Behind damage the sound goes on: blocks of WavPack, pages of Ogg FLAC, clusters of Matroska."""

from __future__ import annotations

import tempfile
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.audio_files import Recipe, write_with_ffmpeg
from tests.transforms.audio.damage import lively
from tonearm.transforms.audio.claimed_length import read_claim
from tonearm.transforms.audio.formats.families.ogg import checksum
from tonearm.transforms.audio.formats.matroska_damage import damage_as_void
from tonearm.transforms.audio.identification import identify_file
from tonearm.transforms.audio.reader import AudioReader, open_audio

SECONDS = 8.0
NOISE = np.random.default_rng(9).bytes


def made(container: str, encoder: str, *, rate_hz: int = 44100) -> bytes:
    with tempfile.NamedTemporaryFile() as file:
        recipe = Recipe("", "", ffmpeg=(container, encoder))
        write_with_ffmpeg(file.name, recipe, lively(SECONDS, rate_hz), rate_hz=rate_hz, cover=False)
        return file.read()


def heard(content: bytes) -> AudioReader:
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        with open_audio(file.name) as reader:
            for _ in reader.blocks():
                pass
    return reader


@pytest.fixture(scope="module")
def wavpack() -> bytes:
    return made("wv", "wavpack")


@pytest.mark.parametrize(
    "fill", [bytes, NOISE, lambda count: b""], ids=["zeros", "random bytes", "nothing at all"]
)
def test_wavpack_is_heard_behind_a_hole(fill: Callable[[int], bytes], wavpack: bytes) -> None:
    start, end = len(wavpack) // 3, len(wavpack) * 4 // 10
    reader = heard(wavpack[:start] + fill(end - start) + wavpack[end:])
    assert 0.75 * SECONDS < reader.decoded_s < SECONDS
    assert reader.truncated


def test_wavpack_behind_wavpack_is_heard(wavpack: bytes) -> None:
    reader = heard(wavpack + wavpack)
    assert reader.decoded_s == pytest.approx(2 * SECONDS)
    assert not reader.truncated


def test_frames_of_flac_in_a_damaged_page_of_ogg_are_heard() -> None:
    """A hole in each page costs the frames that it is in, and not the page."""
    content = bytearray(made("ogg", "flac"))
    for start in range(8000, len(content) - 2000, 64 * 1024):
        content[start : start + 1000] = bytes(1000)
    reader = heard(bytes(content))
    assert 0.6 * SECONDS < reader.decoded_s < SECONDS
    assert reader.truncated


def test_the_checksum_of_a_page_is_that_of_other_tools() -> None:
    content = made("ogg", "flac")
    segments = content[26]
    page = content[: 27 + segments + sum(content[27 : 27 + segments])]
    assert checksum(page) == page[22:26]
    assert checksum(page[:-1] + b"\1") != page[22:26]


FILL = {"zeros": bytes, "random bytes": NOISE}


@pytest.mark.parametrize("fill", FILL.values(), ids=FILL)
@pytest.mark.parametrize("encoder", ["aac", "libmp3lame", "ac3", "flac", "alac", "wavpack"])
def test_blocks_of_matroska_are_heard_between_holes(encoder: str, fill: Callable[[int], bytes]) -> None:
    """FFmpeg goes on at the next cluster only, of which there is one for five seconds."""
    content = bytearray(made("matroska", encoder))
    step = max(len(content) // 6, 40_000)
    for start in range(step, len(content) - 2000, step):
        content[start : start + 2000] = fill(2000)
    reader = heard(bytes(content))
    assert 0.55 * SECONDS < reader.decoded_s < SECONDS
    assert reader.truncated


@pytest.mark.parametrize("container", ["matroska", "webm"])
def test_an_intact_matroska_has_no_damage(container: str) -> None:
    content = made(container, "aac" if container == "matroska" else "libopus", rate_hz=48000)

    def read_at(offset: int, length: int) -> bytes:
        return content[offset : offset + length]

    identified = identify_file(read_at, len(content))
    assert identified is not None
    assert read_claim(read_at, len(content), identified).corrections == []


@given(places=st.lists(st.integers(0, 1 << 20), max_size=12), fill=st.binary(min_size=1, max_size=40))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_damaged_is_covered_within_the_file(
    places: list[int], fill: bytes, matroska: bytes
) -> None:
    content = bytearray(matroska)
    for place in places:
        at = place % len(content)
        content[at : at + len(fill)] = fill[: len(content) - at]
    end = 0
    for void in damage_as_void(
        lambda offset, length: bytes(content[offset : offset + length]), 60, len(content)
    ):
        assert end <= void.offset < void.offset + len(void.data) <= len(content)
        end = void.offset + len(void.data)


@pytest.fixture(scope="module")
def matroska() -> bytes:
    return made("matroska", "aac")
