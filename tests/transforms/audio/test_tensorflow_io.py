"""TensorFlow I/O as a decoder: the same samples and facts, and what it would get wrong is left to others."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from tests.audio_files import RECIPES, id3v2_tag, sweep, write_audio
from tests.transforms.audio.test_decode_fuzz import MUTATIONS
from tonearm.transforms.audio.isolation.isolated_reader import close_decoders, open_audio_isolated
from tonearm.transforms.audio.reader import AudioInfo, open_audio
from tonearm.transforms.elements.decoder_choice import DecoderChoice
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import TrackError
from tonearm.transforms.elements.stage_times import StageTimes

pytestmark = pytest.mark.skipif(find_spec("tensorflow_io") is None, reason="not installed: make test-tfio")

USUAL, FIRST, ONLY = DecoderChoice
ITS_OWN = (
    "wav_8", "wav_16", "wav_24", "wav_32", "wav_float32", "wav_extensible", "flac", "flac_24",
    "flac_by_ffmpeg", "vorbis", "mp3", "mp3_without_xing", "mp3_by_libsndfile",
)  # fmt: skip
LEFT_TO_OTHERS = ("wav_float64", "wav_adpcm", "rf64", "w64", "aiff_16", "opus", "flac_ogg", "aac_m4a")
RATE_HZ = 44100

MOST_APART = 2e-3
"""Share of the samples that may differ by more: libsndfile seeks after each block, and in MP3s that it wrote
itself 169 of 131,072 samples come out of it a little different (0.006). Of other kinds none does."""


@pytest.fixture(scope="module", autouse=True)
def _no_process_is_left() -> Iterator[None]:
    yield
    close_decoders()


def heard(path: Path, choice: DecoderChoice) -> tuple[AudioInfo, np.ndarray, bool]:
    """Facts, samples and ``truncated`` of a file."""
    with open_audio(path, choice) as reader:
        samples = [block.samples for block in reader.blocks()]
        return reader.info, np.concatenate(samples), reader.truncated


def word(path: Path, choice: DecoderChoice) -> ErrorWord:
    with pytest.raises(TrackError) as failed:
        heard(path, choice)
    return failed.value.error


def require_same(path: Path, choice: DecoderChoice, *, within: float = 0.0) -> None:
    """The choice hears what the usual decoders hear."""
    (info, samples, truncated), (its_info, its_samples, its_truncated) = (
        heard(path, USUAL),
        heard(path, choice),
    )
    assert (its_info, its_truncated) == (info, truncated)
    assert its_samples.shape == samples.shape
    assert np.mean(np.abs(its_samples - samples) > within) <= MOST_APART


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("kind", ITS_OWN)
def test_it_hears_what_the_usual_decoders_hear(kind: str, channels: int, tmp_path: Path) -> None:
    path = write_audio(tmp_path / "song", kind, sweep(4.1, channels=channels))
    require_same(path, ONLY, within=0.0 if RECIPES[kind].lossless or kind == "wav_8" else 1e-5)


@pytest.mark.parametrize("kind", ["wav_16", "flac", "vorbis"])
def test_more_than_two_channels(kind: str, tmp_path: Path) -> None:
    path = write_audio(tmp_path / "song", kind, sweep(2.0, channels=6))
    require_same(path, ONLY, within=1e-6)


@pytest.mark.parametrize("kind", LEFT_TO_OTHERS)
def test_other_formats_are_left_to_the_usual_decoders(kind: str, tmp_path: Path) -> None:
    rate_hz = 48000 if kind == "opus" else RATE_HZ
    path = write_audio(tmp_path / "song", kind, sweep(1.0, rate_hz=rate_hz), rate_hz=rate_hz)
    require_same(path, FIRST)


def test_with_nothing_else_other_formats_are_failures_that_say_why(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "song", "aac_m4a", sweep(1.0))
    with pytest.raises(TrackError, match="--decoder tensorflow-io-only leaves no decoder for MP4") as failed:
        heard(path, ONLY)
    assert failed.value.error is ErrorWord.FORMAT_EXCLUDED
    assert not failed.value.retriable


def test_a_word_for_the_layer(tmp_path: Path) -> None:
    import av

    path = tmp_path / "song.mp2"
    with av.open(str(path), "w", format="mp2") as container:
        stream = container.add_stream("mp2", rate=RATE_HZ, layout="stereo")
        frame = av.AudioFrame.from_ndarray(
            (sweep(1.0) * 32767).astype(np.int16).reshape(1, -1), format="s16", layout="stereo"
        )
        frame.sample_rate = RATE_HZ
        resampler = av.AudioResampler(format="s16", layout="stereo", rate=RATE_HZ, frame_size=1152)
        for part in (*resampler.resample(frame), *resampler.resample(None)):
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    assert heard(path, ONLY)[0].codec == "mp2"
    require_same(path, FIRST, within=1e-5)


def test_an_mp3_behind_a_tag(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "song", "mp3", sweep(2.0))
    path.write_bytes(id3v2_tag(100_000) + path.read_bytes())
    require_same(path, ONLY, within=1e-5)


def test_a_flac_behind_a_tag_is_left_to_others(tmp_path: Path) -> None:
    """TensorFlow I/O would look for MPEG audio in it."""
    path = write_audio(tmp_path / "song", "flac", sweep(2.0))
    path.write_bytes(id3v2_tag(1000) + path.read_bytes())
    require_same(path, FIRST)
    assert word(path, ONLY) is ErrorWord.UNDECODABLE


def changed(path: Path, at: int, *numbers: tuple[str, int]) -> Path:
    """Write numbers into a file, one after the other."""
    data = bytearray(path.read_bytes())
    for layout, number in numbers:
        struct.pack_into(layout, data, at, number)
        at += struct.calcsize(layout)
    path.write_bytes(bytes(data))
    return path


def with_chunk(path: Path, name: bytes, size: int, body: bytes) -> Path:
    """Put a chunk in front of a WAV's samples."""
    data = path.read_bytes()
    at = data.index(b"data")
    chunk = name + struct.pack("<I", size) + body
    riff = struct.pack("<I", len(data) + len(chunk) - 8)
    path.write_bytes(data[:4] + riff + data[8:at] + chunk + data[at:])
    return path


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    return write_audio(tmp_path / "song", "wav_16", sweep(1.0))


BLOCK_BYTES_AT, BITS_AT, DATA_BYTES_AT = 32, 34, 40


@pytest.mark.parametrize(
    ("at", "layout", "number"),
    [
        (BLOCK_BYTES_AT, "<H", 0),  # it would divide by it
        (BLOCK_BYTES_AT, "<H", 16),  # it would write behind its buffer
        (BITS_AT, "<H", 8),
        (DATA_BYTES_AT, "<I", 0xFFFFFFF8),  # it would run in circles
        (DATA_BYTES_AT, "<I", 0x80000000),
        (DATA_BYTES_AT, "<I", 7),
        (4, "<I", 0xFFFFFFFF),
    ],
)
def test_a_wav_with_an_odd_header_is_left_to_others(wav: Path, at: int, layout: str, number: int) -> None:
    changed(wav, at, (layout, number))
    assert word(wav, ONLY) is ErrorWord.UNDECODABLE
    try:
        heard(wav, USUAL)
    except TrackError as error:
        assert word(wav, FIRST) is error.error
    else:
        require_same(wav, FIRST)


def test_a_chunk_of_an_odd_size_is_left_to_others(wav: Path) -> None:
    """It knows of no padding, and would read what follows from the wrong place."""
    with_chunk(wav, b"LIST", 3, b"abc\0")
    require_same(wav, FIRST)
    assert word(wav, ONLY) is ErrorWord.UNDECODABLE


def test_a_chunk_of_an_even_size_is_stepped_over(wav: Path) -> None:
    require_same(with_chunk(wav, b"LIST", 4, b"abcd"), ONLY)


@pytest.fixture
def damaged_flac(tmp_path: Path) -> Path:
    """A FLAC of 20 s of noise, of which one frame in the middle is damaged behind its header."""
    path = tmp_path / "song.flac"
    noise = np.random.default_rng(1).normal(0, 0.1, (20 * RATE_HZ, 2))
    sf.write(path, noise, RATE_HZ, "PCM_16")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 64] = os.urandom(64)
    path.write_bytes(bytes(data))
    return path


def test_silence_in_the_place_of_a_damaged_frame_is_noticed(damaged_flac: Path) -> None:
    """Its FLAC decoder plays on without an error, and says so on standard error only."""
    _, samples, truncated = heard(damaged_flac, USUAL)
    assert truncated
    _, its_samples, its_truncated = heard(damaged_flac, FIRST)
    assert its_truncated
    assert len(its_samples) >= len(samples)


def test_a_flac_that_was_cut_is_heard_as_far_as_it_goes(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "song", "flac", sweep(8.0))
    path.write_bytes(path.read_bytes()[:-20_000])
    require_same(path, FIRST)
    samples, truncated = heard(path, ONLY)[1:]
    assert truncated
    assert 0 < len(samples) < 8 * RATE_HZ


def test_a_cut_mp3_is_heard_as_far_as_it_goes(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "song", "mp3", sweep(20.0))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    info, samples, truncated = heard(path, FIRST)
    usual_info, usual_samples, _ = heard(path, USUAL)
    assert truncated
    assert info == usual_info
    assert abs(len(samples) - len(usual_samples)) <= 1152
    assert heard(path, ONLY)[2]


def test_two_files_in_one_process_do_not_mix(tmp_path: Path) -> None:
    """TensorFlow keeps one file open: it would go on with the second one in the place of the first."""
    first = write_audio(tmp_path / "first", "wav_16", sweep(8.0))
    second = write_audio(tmp_path / "second", "mp3", sweep(8.0))
    with open_audio(first, FIRST) as one:
        blocks = one.blocks()
        samples = [next(blocks).samples]
        with open_audio(second, FIRST) as other:
            assert sum(len(block.samples) for block in other.blocks())
        samples += [block.samples for block in blocks]
    assert np.array_equal(np.concatenate(samples), heard(first, USUAL)[1])


def test_a_file_is_let_go_of(wav: Path) -> None:
    heard(wav, ONLY)
    assert wav not in {link.readlink() for link in Path("/proc/self/fd").iterdir() if link.exists()}


def test_isolated_it_is_as_it_is_in_process(tmp_path: Path) -> None:
    paths = [write_audio(tmp_path / kind, kind, sweep(3.0)) for kind in ("flac", "mp3", "aac_m4a")]
    for path in paths:
        with open_audio_isolated(path, RATE_HZ, StageTimes(), FIRST) as audio:
            samples = np.concatenate(list(audio.samples()))
        assert np.array_equal(samples, heard(path, FIRST)[1])


PEAK = """
import sys
from importlib.util import find_spec
from pathlib import Path
from tonearm.transforms.audio.decoders.tensorflow_io import audio_operations
from tonearm.transforms.audio.reader import open_audio
from tonearm.transforms.elements.decoder_choice import DecoderChoice

def peak_mib():
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) // 1024

def hear(path):
    with open_audio(path, DecoderChoice.TENSORFLOW_IO_ONLY) as audio:
        return sum(len(block.samples) for block in audio.blocks())

short, long = sys.argv[1:]
hear(short)
before = peak_mib()
print(hear(long), peak_mib() - before)
"""


def test_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    """Ten minutes of stereo are 106 MB decoded to 16 bits."""
    short, long = (tmp_path / name for name in ("short.flac", "long.flac"))
    for path, seconds in ((short, 60), (long, 600)):
        with sf.SoundFile(path, "w", RATE_HZ, 2, "PCM_16") as file:
            for _ in range(seconds // 10):
                file.write(np.zeros((10 * RATE_HZ, 2), np.int16))
    command = [sys.executable, "-c", PEAK, str(short), str(long)]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    samples, grown_mib = map(int, told.stdout.split())
    assert samples == 600 * RATE_HZ
    assert grown_mib < 30
    assert told.stderr == ""


MUTANTS_PER_KIND = 16


def outcome(path: Path, choice: DecoderChoice) -> tuple[str, int, bool]:
    """A word, the samples that were heard, and ``truncated``."""
    try:
        with open_audio_isolated(path, RATE_HZ, StageTimes(), choice) as audio:
            samples = sum(len(piece) for piece in audio.samples())
        return "audio", samples, audio.truncated
    except TrackError as error:
        return error.error.value, 0, False


@pytest.mark.parametrize("kind", ITS_OWN)
def test_damaged_files_cost_no_process_and_no_sound(kind: str, tmp_path: Path) -> None:
    """What it drops without a word is noticed, and nothing is lost that the usual decoders hear."""
    original = write_audio(tmp_path / kind, kind, sweep(1.0)).read_bytes()
    mutant = tmp_path / "mutant"
    for number in range(MUTANTS_PER_KIND):
        random = np.random.default_rng([number, *kind.encode()])
        mutant.write_bytes(MUTATIONS[number % len(MUTATIONS)](bytearray(original), random))
        word, samples, truncated = outcome(mutant, USUAL)
        its_word, its_samples, its_truncated = outcome(mutant, FIRST)
        assert its_word in {word, "audio"}
        assert its_samples > samples - 2 * 1152
        assert its_truncated == truncated or its_samples > samples
        assert outcome(mutant, ONLY)[0] not in {"decoder_died", "decode_timeout"}


def test_a_process_that_hangs_on_a_file_is_replaced(tmp_path: Path) -> None:
    """It looks for a FLAC's last frame for ever if that is gone: others go on, and the next file is heard."""
    path = write_audio(tmp_path / "song", "flac_by_ffmpeg", sweep(1.0))
    whole = path.read_bytes()
    last_frame = whole.rindex(b"\xff\xf8")
    path.write_bytes(whole[:last_frame] + bytes(50) + whole[last_frame + 50 :])
    with open_audio_isolated(path, RATE_HZ, StageTimes(), FIRST) as audio:
        assert sum(len(piece) for piece in audio.samples()) > 0
    assert audio.truncated
    assert not audio.at_rest
    path.write_bytes(whole)
    assert outcome(path, FIRST) == ("audio", RATE_HZ, False)
