"""AMR: pauses that were not sent are silence, and frames that are damaged or none are told."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from tests.transforms.audio.damage import hear
from tonearm.transforms.audio.reader import open_audio

SECONDS = 4.0
FRAME_BYTES = 32
"""At 12.2 kbit/s, the mode of the highest bit rate."""

HEADER = len(b"#!AMR\n")


def amr(*, pauses_are_sent: bool = True, bit_rate: int = 12_200) -> bytes:
    """A voice, or what passes for one, with a pause of two seconds."""
    random = np.random.default_rng(3)
    voice = random.standard_normal(8000) * np.hanning(8000) / 5
    signal = np.concatenate([voice, np.zeros(16000), voice])
    content = io.BytesIO()
    with av.open(content, "w", format="amr") as file:
        options = {"dtx": "0" if pauses_are_sent else "1"}
        stream = file.add_stream("libopencore_amrnb", rate=8000, layout="mono", options=options)
        stream.bit_rate = bit_rate
        for frame in [*_frames(signal), None]:
            file.mux(stream.encode(frame))
    return content.getvalue()


def _frames(signal: np.ndarray) -> Iterator[av.AudioFrame]:
    for start in range(0, len(signal), 160):
        samples = (signal[None, start : start + 160] * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate, frame.pts = 8000, start
        yield frame


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "memo"


def test_pauses_that_were_not_sent_are_silence_of_their_length(path: Path) -> None:
    content = amr(pauses_are_sent=False)
    assert len(content) < 0.7 * len(amr())
    path.write_bytes(content)
    with open_audio(path) as reader:
        signal = np.concatenate([block.samples for block in reader.blocks()])
    assert reader.decoded_s == pytest.approx(SECONDS, abs=0.03)
    assert not reader.truncated
    assert np.abs(signal[14000:22000]).max() < 0.01
    assert np.abs(signal[26000:30000]).max() > 0.1


@pytest.mark.parametrize("bit_rate", [4750, 7950, 12_200])
def test_a_whole_file_is_whole(bit_rate: int, path: Path) -> None:
    path.write_bytes(amr(bit_rate=bit_rate))
    seconds, outcome = hear(path)
    assert (seconds, outcome) == (pytest.approx(SECONDS, abs=0.03), "whole")


@pytest.mark.parametrize("offset", [0, 1, 17])
@pytest.mark.parametrize("length", [FRAME_BYTES, 10 * FRAME_BYTES, 500])
@pytest.mark.parametrize("fill", ["zeros", "noise"])
def test_a_hole_is_told(fill: str, length: int, offset: int, path: Path) -> None:
    content = bytearray(amr())
    start = HEADER + 30 * FRAME_BYTES + offset
    content[start : start + length] = (
        np.random.default_rng(1).bytes(length) if fill == "noise" else bytes(length)
    )
    path.write_bytes(content)
    assert hear(path)[1] == "truncated"


@pytest.mark.parametrize(
    ("zeros", "outcome"), [(1, "whole"), (40, "whole"), (300, "truncated"), (9000, "truncated")]
)
def test_few_zeros_at_the_end_are_no_loss(zeros: int, outcome: str, path: Path) -> None:
    path.write_bytes(amr() + bytes(zeros))
    assert hear(path) == (pytest.approx(SECONDS, abs=0.03), outcome)


def test_a_frame_that_says_that_it_is_damaged_is_told(path: Path) -> None:
    content = bytearray(amr())
    content[HEADER + 30 * FRAME_BYTES] &= ~0x04
    path.write_bytes(content)
    assert hear(path)[1] == "truncated"


def test_frames_shorter_than_their_mode_says_are_told(path: Path) -> None:
    content = amr()
    middle = HEADER + 30 * FRAME_BYTES
    for changed in (content[:-5], content[: middle + 11] + content[middle + 20 :]):
        path.write_bytes(changed)
        assert hear(path)[1] == "truncated"


def test_a_hole_in_a_film_of_a_telephone_is_told(path: Path) -> None:
    """In 3GP the frames are packets of the container, at the lowest bit rate of 13 bytes each."""
    for frames, outcome in (((), "whole"), (range(40, 60), "truncated")):
        with av.open(io.BytesIO(amr(bit_rate=4750))) as memo, av.open(str(path), "w", format="3gp") as film:
            stream = film.add_stream_from_template(memo.streams.audio[0])
            for number, packet in enumerate(memo.demux(audio=0)):
                if packet.dts is None:
                    continue
                copy = av.Packet(bytes(packet.size) if number in frames else bytes(packet))
                copy.pts, copy.dts, copy.duration = packet.pts, packet.dts, packet.duration
                copy.time_base, copy.stream = packet.time_base, stream
                film.mux(copy)
        assert hear(path)[1] == outcome
