"""A lossless file whose samples are the frames of another format is heard as that format, or fails."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile as sf

from tests.audio_files import sweep
from tests.rare_audio_files import FIXTURES, by_ffmpeg
from tonearm.transforms.audio.decoders import carried as carried_module
from tonearm.transforms.audio.frames.surround_frames import parse_dts_header
from tonearm.transforms.audio.identification import may_hold_stream, stream_in_samples
from tonearm.transforms.audio.reader import AudioReader, open_audio
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import TrackError

DTS = FIXTURES.joinpath("tone.dts").read_bytes()
RATE_HZ = 48000


def in_14_bits(stream: bytes) -> bytes:
    """DTS as a compact disc has it: 14 bits of each word, so that a player that knows no DTS is less loud."""
    words, at = [], 0
    while (header := parse_dts_header(stream, at)) is not None:
        frame = stream[at : at + header.frame_bytes]
        frame += bytes(-len(frame) % 7)
        at += header.frame_bytes
        bits = np.unpackbits(np.frombuffer(frame, np.uint8)).reshape(-1, 14)
        numbers = bits.astype(np.int32) @ (1 << np.arange(13, -1, -1))
        words.append(np.where(numbers >= 8192, numbers - 16384, numbers).astype("<i2").tobytes())
    return b"".join(words)


def swapped(stream: bytes) -> bytes:
    return np.frombuffer(stream[: len(stream) // 2 * 2], ">i2").astype("<i2").tobytes()


STREAMS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "dts": ("dts", lambda: DTS),
    "dts_little_endian": ("dts", lambda: swapped(DTS)),
    "dts_14_bits": ("dts", lambda: in_14_bits(DTS)),
    "ac3": ("ac3", by_ffmpeg("ac3", "ac3", rate_hz=RATE_HZ, seconds=3.0)),
    "bursts": ("ac3", by_ffmpeg("spdif", "ac3", rate_hz=RATE_HZ, seconds=3.0)),
}
CARRIERS = {
    "flac": ("flac", "flac"),
    "alac": ("ipod", "alac"),
    "wavpack": ("wv", "wavpack"),
    "tta": ("tta", "tta"),
    "aiff": ("aiff", "pcm_s16be"),
    "wave64": ("w64", "pcm_s16le"),
    "caf": ("caf", "pcm_s16be"),
    "matroska": ("matroska", "pcm_s16le"),
    "au": ("au", "pcm_s16be"),
    "wav_24": ("wav", "pcm_s24le"),
    "wav": ("wav", "pcm_s16le"),
}


def carried(stream: bytes, carrier: str, *, silence: int = 0) -> bytes:
    """Words of 16 bits as the samples of a lossless file."""
    words = np.frombuffer(bytes(4 * silence) + stream.ljust(-(-len(stream) // 4) * 4, b"\0"), "<i2")
    container, encoder = CARRIERS[carrier]
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        sound = output.add_stream(encoder, rate=RATE_HZ, layout="stereo")
        frame = av.AudioFrame.from_ndarray(words.reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate, frame.pts = RATE_HZ, 0
        context = sound.codec_context
        context.format = next(
            (known for known in ("s16", "s16p") if known in formats_of(encoder)), context.format
        )
        resampler = av.AudioResampler(context.format.name, "stereo", RATE_HZ, context.frame_size)
        for piece in [*resampler.resample(frame), *resampler.resample(None), None]:
            output.mux(sound.encode(piece))
    return file.getvalue()


def formats_of(encoder: str) -> set[str]:
    """The sample formats that an encoder takes; one of eight bits comes first with some."""
    return {known.name for known in av.Codec(encoder, "w").audio_formats or ()}


def heard(content: bytes) -> AudioReader:
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        with open_audio(file.name) as reader:
            for _ in reader.blocks():
                pass
    return reader


def seconds_of(stream: str) -> float:
    return heard(STREAMS[stream][1]() if stream in ("ac3", "bursts") else DTS).decoded_s


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("stream", ["dts", "bursts"])
def test_every_lossless_file_may_carry_a_stream(stream: str, carrier: str) -> None:
    codec, make = STREAMS[stream]
    reader = heard(carried(make(), carrier))
    assert reader.info.codec == codec
    assert reader.decoded_s == pytest.approx(seconds_of(stream), abs=0.05)
    assert not reader.truncated


@pytest.mark.parametrize("silence", [0, 1001, 3 * RATE_HZ])
@pytest.mark.parametrize("stream", STREAMS)
def test_a_stream_is_found_behind_silence_which_is_heard_too(stream: str, silence: int) -> None:
    codec, make = STREAMS[stream]
    reader = heard(carried(make(), "flac", silence=silence))
    assert reader.info.codec == codec
    assert reader.decoded_s == pytest.approx(seconds_of(stream) + silence / RATE_HZ, abs=0.05)


@pytest.mark.parametrize("carrier", ["flac", "wavpack", "tta", "alac", "wav"])
def test_a_carrier_with_a_hole_or_without_its_end_is_told(carrier: str) -> None:
    content = carried(STREAMS["bursts"][1](), carrier)
    start = len(content) // 2
    assert heard(content[:start] + bytes(3000) + content[start + 3000 :]).truncated
    if carrier != "alac":  # an MP4 without its end has no index
        assert heard(content[: len(content) * 2 // 3]).truncated


def test_dolby_e_is_a_failure_by_its_name() -> None:
    """Bursts of 24-bit words, one for each picture; nothing here decodes them."""
    random = np.random.default_rng(2)
    words = random.integers(-(1 << 31), 1 << 31, (1920 * 2, 12)).astype(np.int64)
    words[0], words[1] = np.int64(-0x69078E00), np.int64(-0x5AB1E100)  # 0x96F872, 0xA54E1F
    samples = words.T.reshape(-1, 2).astype(np.int32)
    file = io.BytesIO()
    sf.write(file, samples, RATE_HZ, format="WAV", subtype="PCM_24")
    with pytest.raises(TrackError, match="Dolby E") as failure:
        heard(file.getvalue())
    assert failure.value.error is ErrorWord.UNDECODABLE


def test_music_noise_and_silence_are_what_they_are(tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    noise = (random.standard_normal((RATE_HZ, 2)) / 4).clip(-1, 1)
    for signal in (sweep(1.0), noise, np.zeros((RATE_HZ, 2)), np.sign(noise) * 0.99):
        sf.write(tmp_path / "song", signal, RATE_HZ, format="FLAC", subtype="PCM_16")
        assert heard((tmp_path / "song").read_bytes()).info.codec == "flac"


def test_music_is_not_decoded_twice_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second of it would take longer than to open the file."""
    looked_at = []

    def words_of(frame: av.AudioFrame) -> bytes:
        looked_at.append(frame.samples)
        return original(frame)

    original = carried_module.words_of
    monkeypatch.setattr(carried_module, "words_of", words_of)
    file = io.BytesIO()
    sf.write(file, sweep(3.0), RATE_HZ, format="FLAC", subtype="PCM_16")
    assert heard(file.getvalue()).info.codec == "flac"
    assert 0 < sum(looked_at) <= 3 * 4096


@pytest.mark.parametrize("stream", STREAMS)
def test_a_first_look_misses_no_stream_wherever_a_disc_was_cut(stream: str) -> None:
    content = STREAMS[stream][1]()
    for start in range(0, 12_000, 998):
        words = content[start : start + (1 << 17)]
        if stream_in_samples(words) is not None:
            assert may_hold_stream(words[: 32 * 1024]) is not False


@pytest.mark.parametrize("loudness", [30, 300, 3000, 30_000])
def test_no_chance_makes_a_stream(loudness: int) -> None:
    random = np.random.default_rng(loudness)
    for _ in range(40):
        words = (random.standard_normal(1 << 16) * loudness).clip(-32768, 32767).astype("<i2")
        assert stream_in_samples(words.tobytes()) is None
