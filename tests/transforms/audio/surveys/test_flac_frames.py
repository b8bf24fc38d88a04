"""FLACs that were joined are heard stream by stream, and what a hole takes from any of them is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.audio_files import id3v2_tag, write_audio
from tests.transforms.audio.damage import hear, lively

SECONDS = 3.0
KINDS = ["flac", "flac_24", "flac_by_ffmpeg"]
SECOND_STREAMS = [(44100, 2), (44100, 1), (48000, 2), (22050, 2), (22050, 1)]


def stream(folder: Path, kind: str, rate_hz: int = 44100, channels: int = 2) -> bytes:
    signal = lively(SECONDS, rate_hz)[:, :channels]
    return write_audio(folder / "stream", kind, signal, rate_hz=rate_hz).read_bytes()


def with_hole(content: bytes, begins: float = 0.5, ends: float = 0.6) -> bytes:
    """Zeros between two places that are told as shares of the length."""
    start, end = round(begins * len(content)), round(ends * len(content))
    return content[:start] + bytes(end - start) + content[end:]


def heard(folder: Path, content: bytes) -> tuple[float, str]:
    path = folder / "file"
    path.write_bytes(content)
    return hear(path)


@pytest.mark.parametrize("second", SECOND_STREAMS)
@pytest.mark.parametrize("kind", KINDS)
def test_joined_streams_are_heard_whole_in_either_order(
    kind: str, second: tuple[int, int], tmp_path: Path
) -> None:
    """The frames of the second one may be of another length, which FFmpeg's parser gives up at."""
    streams = [stream(tmp_path, kind), stream(tmp_path, kind, *second)]
    for order in (streams, streams[::-1], [streams[0], id3v2_tag(500), streams[1]]):
        seconds, outcome = heard(tmp_path, b"".join(order))
        assert outcome == "whole"
        assert seconds == pytest.approx(2 * SECONDS, abs=0.001)


@pytest.mark.parametrize("second", SECOND_STREAMS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_hole_in_any_of_two_joined_streams_is_told(
    kind: str, second: tuple[int, int], tmp_path: Path
) -> None:
    one, other = stream(tmp_path, kind), stream(tmp_path, kind, *second)
    for content in (
        with_hole(one) + other,
        one + with_hole(other),
        with_hole(one + other, 0.45, 0.55),
        with_hole(one + other, 0.48, 0.5),
        with_hole(other) + one,
    ):
        _, outcome = heard(tmp_path, content)
        assert outcome == "truncated"


@pytest.mark.parametrize("kind", KINDS)
def test_many_small_holes_are_told(kind: str, tmp_path: Path) -> None:
    one = stream(tmp_path, kind)
    for content in (one, one + one, one + stream(tmp_path, kind, 48000)):
        holed = bytearray(content)
        for start in range(32768, len(holed), 65536):
            holed[start : start + 4096] = bytes(len(holed[start : start + 4096]))
        _, outcome = heard(tmp_path, bytes(holed))
        assert outcome == "truncated"


@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_that_was_cut_before_another_is_told(kind: str, tmp_path: Path) -> None:
    one = stream(tmp_path, kind)
    _, outcome = heard(tmp_path, one[: len(one) // 2] + one)
    assert outcome == "truncated"


def test_bytes_that_look_like_a_frame_are_no_sound_that_was_lost(tmp_path: Path) -> None:
    """A header with a right checksum, inside the last frame: of another rate, at the number 0x7FFFFFFF."""
    one = stream(tmp_path, "flac")
    chance = bytes.fromhex("fff8a5a8fdbfbfbfbfbf")
    checksum = next(byte for byte in range(256) if _crc8(chance + bytes([byte])) == 0)
    content = one + chance + bytes([checksum]) + np.random.default_rng(2).bytes(3000)
    assert heard(tmp_path, content) == (SECONDS, "whole")


def _crc8(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x07) & 0xFF if crc & 0x80 else crc << 1
    return crc
