"""Decoding real files of every format, made on the fly; cut, disguised and hostile ones too."""

from __future__ import annotations

import os
import socket
import struct
import threading
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile as sf

from tests.audio_files import RECIPES, id3v1_tag, id3v2_tag, sweep, wav_header, write_audio, write_video
from tonearm.transforms.audio.decoder_order import DECODERS
from tonearm.transforms.audio.decoders.decoder import BLOCK_VALUES, AudioInfo, DecoderError
from tonearm.transforms.audio.decoders.downmix import Block, mix
from tonearm.transforms.audio.decoders.ffmpeg import FfmpegDecoder
from tonearm.transforms.audio.decoders.packets import Promise
from tonearm.transforms.audio.formats.audio_format import AudioFormat, Decoder
from tonearm.transforms.audio.formats.registry import FORMATS
from tonearm.transforms.audio.reader import AudioReader, open_audio
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import Stage, TrackError

LONGEST_CODEC_DELAY_SAMPLES = 4096
SECONDS_WORTH_CUTTING = {"vorbis": 20.0}
"""libsndfile packs seconds of a quiet sweep into one page of Ogg, and a cut page is lost as a whole."""

PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{target}\n#EXT-X-ENDLIST\n"


def read_all(path: Path | str) -> tuple[AudioReader, np.ndarray]:
    with open_audio(path) as reader:
        signal = np.concatenate([block.samples for block in reader.blocks()])
    return reader, signal


def error_of(path: Path | str) -> ErrorWord:
    with pytest.raises(TrackError) as caught:
        read_all(path)
    assert caught.value.stage is Stage.DECODE
    return caught.value.error


def likeness(decoded: np.ndarray, original: np.ndarray) -> float:
    """Normalised correlation at the best delay: 1 for the same signal."""
    middle = original[len(original) // 4 : len(original) * 3 // 4]
    products = np.correlate(decoded[: len(original) * 3 // 4 + LONGEST_CODEC_DELAY_SAMPLES], middle, "valid")
    best = int(np.argmax(products))
    found = decoded[best : best + len(middle)]
    return float(products[best] / np.linalg.norm(found) / np.linalg.norm(middle))


def make(
    tmp_path: Path, kind: str, *, seconds: float = 1.0, channels: int = 2
) -> tuple[Path, np.ndarray, int]:
    """Make a file of one kind without an extension; returns its path, its mono signal and its rate."""
    rates = RECIPES[kind].rates_hz
    rate_hz = rates[-1] if rates else 22050
    signal = sweep(seconds, rate_hz=rate_hz, channels=channels)
    return write_audio(tmp_path / kind, kind, signal, rate_hz=rate_hz), signal.mean(axis=1), rate_hz


@pytest.mark.parametrize("kind", RECIPES)
def test_every_format_comes_back_as_it_went_in(kind: str, tmp_path: Path) -> None:
    path, mono, rate_hz = make(tmp_path, kind)
    reader, decoded = read_all(path)
    assert (reader.info.codec, reader.info.sample_rate_hz, reader.info.channels) == (
        RECIPES[kind].codec,
        rate_hz,
        2,
    )
    assert decoded.dtype == np.float32
    assert decoded.ndim == 1
    assert reader.decoded_s == pytest.approx(1.0, abs=0.15)
    assert reader.info.duration_s is None or reader.info.duration_s == pytest.approx(1.0, abs=0.15)
    assert not reader.truncated
    assert likeness(decoded, mono) > 0.99
    if RECIPES[kind].lossless:
        assert np.abs(decoded - mono).max() < 1e-4


@pytest.mark.parametrize("kind", ["mp3_without_xing", "aac_adts"])
def test_a_bare_stream_states_no_duration(kind: str, tmp_path: Path) -> None:
    path, *_ = make(tmp_path, kind)
    with open_audio(path) as reader:
        assert reader.info.duration_s is None


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 6, 8])
@pytest.mark.parametrize("kind", ["wav_16", "flac", "alac_m4a", "opus", "vorbis"])
def test_up_to_eight_channels_are_averaged(kind: str, channels: int, tmp_path: Path) -> None:
    path, mono, _ = make(tmp_path, kind, channels=channels)
    reader, decoded = read_all(path)
    assert reader.info.channels == channels
    assert likeness(decoded, mono) > 0.98
    assert np.abs(decoded).max() == pytest.approx(np.abs(mono).max(), rel=0.2)


@pytest.mark.parametrize("rate_hz", [8000, 11025, 16000, 44100, 96000, 192000])
@pytest.mark.parametrize("kind", ["wav_24", "flac", "flac_by_ffmpeg"])
def test_rates_from_8_to_192_khz(kind: str, rate_hz: int, tmp_path: Path) -> None:
    path = write_audio(tmp_path / "track", kind, sweep(0.5, rate_hz=rate_hz), rate_hz=rate_hz)
    reader, decoded = read_all(path)
    assert reader.info.sample_rate_hz == rate_hz
    assert len(decoded) == rate_hz // 2


@pytest.mark.parametrize("kind", ["mp3", "flac_by_ffmpeg", "aac_m4a_moov_first"])
def test_cover_art_is_ignored(kind: str, tmp_path: Path) -> None:
    signal = sweep(1.0)
    path = write_audio(tmp_path / "track", kind, signal, cover=True)
    reader, decoded = read_all(path)
    assert reader.info.codec == RECIPES[kind].codec
    assert not reader.truncated
    assert likeness(decoded, signal.mean(axis=1)) > 0.99


@pytest.mark.parametrize("kind", ["aac_m4a", "alac_m4a", "flac_matroska"])
def test_tags_may_be_in_any_encoding(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "song"
    write_audio(path, kind, sweep(1.0), rate_hz=48000)
    content = path.read_bytes()
    assert b"Sweep" in content
    path.write_bytes(content.replace(b"Sweep", "Süéß!".encode("latin-1")))
    reader, _ = read_all(path)
    assert reader.info.codec == RECIPES[kind].codec
    assert reader.decoded_s == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("kind", ["mp3", "mp3_without_xing", "flac", "aac_adts"])
def test_an_id3_tag_larger_than_the_sniffed_head_is_skipped(kind: str, tmp_path: Path) -> None:
    path, mono, _ = make(tmp_path, kind)
    path.write_bytes(id3v2_tag(300_000) + path.read_bytes())
    reader, decoded = read_all(path)
    assert reader.info.codec == RECIPES[kind].codec
    assert not reader.truncated
    assert likeness(decoded, mono) > 0.99


@pytest.mark.parametrize("container", ["mp4", "matroska"])
def test_a_film_is_its_sound_track(container: str, tmp_path: Path) -> None:
    signal = sweep(2.0)
    _, decoded = read_all(write_video(tmp_path / "film", signal, container=container))
    assert likeness(decoded, signal.mean(axis=1)) > 0.99


@pytest.mark.parametrize("container", ["mp4", "matroska"])
def test_a_silent_film_is_no_audio(container: str, tmp_path: Path) -> None:
    assert error_of(write_video(tmp_path / "film", None, container=container)) is ErrorWord.NOT_AUDIO


@pytest.mark.parametrize("name", ["a b.wav", "ünï🎵.mp3", "new\nline", b"not-utf8-\xff.ogg", "track.m3u8"])
def test_names_do_not_matter(name: str | bytes, tmp_path: Path) -> None:
    path, mono, _ = make(tmp_path, "flac")
    renamed = path.rename(tmp_path / os.fsdecode(name))
    for audio_path in (renamed, str(renamed)):
        _, decoded = read_all(audio_path)
        assert likeness(decoded, mono) > 0.99


@pytest.mark.parametrize("kind", ["flac", "mp3", "vorbis", "aac_m4a"])
def test_an_unlinked_file_is_read_through_its_descriptor(kind: str, tmp_path: Path) -> None:
    path, mono, _ = make(tmp_path, kind)
    with path.open("rb") as file:
        path.unlink()
        _, decoded = read_all(f"/proc/self/fd/{file.fileno()}")
    assert likeness(decoded, mono) > 0.99


# Truncation


@pytest.mark.parametrize("kind", sorted(RECIPES.keys() - {"aac_m4a", "alac_m4a"}))
def test_a_cut_file_is_read_as_far_as_it_goes_and_marked(kind: str, tmp_path: Path) -> None:
    seconds = SECONDS_WORTH_CUTTING.get(kind, 3.0)
    path, *_ = make(tmp_path, kind, seconds=seconds)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 6 // 10 + 1])
    reader, decoded = read_all(path)
    assert reader.truncated
    assert 0.15 < reader.decoded_s / seconds < 0.95
    assert reader.decoded_s == len(decoded) / reader.info.sample_rate_hz


@pytest.mark.parametrize("kind", ["aac_m4a", "alac_m4a"])
def test_an_mp4_that_lost_its_index_is_undecodable(kind: str, tmp_path: Path) -> None:
    path, *_ = make(tmp_path, kind)
    path.write_bytes(path.read_bytes()[:-500])
    assert error_of(path) is ErrorWord.UNDECODABLE


def test_a_wav_that_claims_4_gib_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "huge.wav"
    path.write_bytes(wav_header(data_bytes=0xFFFFFFF0) + bytes(4 * 44100))
    reader, decoded = read_all(path)
    assert reader.truncated
    assert len(decoded) == 44100
    assert reader.info.duration_s == pytest.approx(0xFFFFFFF0 / 4 / 44100)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFF000])
def test_a_wav_written_into_a_pipe_is_not_truncated(size: int, tmp_path: Path) -> None:
    path = tmp_path / "stream.wav"
    path.write_bytes(wav_header(data_bytes=size, riff_bytes=0xFFFFFFFF) + bytes(4 * 44100))
    reader, decoded = read_all(path)
    assert not reader.truncated
    assert len(decoded) == 44100


@pytest.mark.parametrize("kind", ["mp3", "mp3_without_xing"])
def test_trailing_tags_do_not_count_as_a_cut(kind: str, tmp_path: Path) -> None:
    path, *_ = make(tmp_path, kind)
    ape = b"APETAGEX" + struct.pack("<IIII", 2000, 32, 0, 0) + bytes(8)
    path.write_bytes(path.read_bytes() + bytes(32) + ape + id3v1_tag())
    reader, _ = read_all(path)
    assert not reader.truncated


@pytest.mark.parametrize("kind", ["mp3", "flac", "vorbis", "aac_adts", "opus", "wma"])
def test_damage_in_the_middle_is_survived(kind: str, tmp_path: Path) -> None:
    seconds = SECONDS_WORTH_CUTTING.get(kind, 6.0)
    path, *_ = make(tmp_path, kind, seconds=seconds)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 600] = np.random.default_rng(3).bytes(600)
    path.write_bytes(data)
    reader, _ = read_all(path)
    assert reader.decoded_s > 0.7 * seconds


# What is refused


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
def test_samples_that_are_no_numbers_are_refused(value: float, tmp_path: Path) -> None:
    signal = sweep(0.5)
    signal[1000, 1] = value
    path = tmp_path / "broken.wav"
    sf.write(path, signal, 44100, format="WAV", subtype="FLOAT")
    assert error_of(path) is ErrorWord.NON_FINITE


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", ErrorWord.EMPTY),
        (b"\0", ErrorWord.NOT_AUDIO),
        (b"\xff", ErrorWord.NOT_AUDIO),
        (bytes(100_000), ErrorWord.NOT_AUDIO),
        (np.random.default_rng(1).bytes(200_000), ErrorWord.NOT_AUDIO),
        (b"Dear customer, the song you wanted is not here.\n" * 100, ErrorWord.NOT_AUDIO),
        (b"<!DOCTYPE html><html><body>404</body></html>", ErrorWord.NOT_AUDIO),
        (PLAYLIST.format(target="http://127.0.0.1/a.aac").encode(), ErrorWord.NOT_AUDIO),
        (b"RIFF\xff\xff\xff\xffWAVE", ErrorWord.UNDECODABLE),
        (b"fLaC" + bytes(40), ErrorWord.UNDECODABLE),
        (b"OggS" + bytes(100), ErrorWord.NOT_AUDIO),
        (wav_header(data_bytes=0), ErrorWord.UNDECODABLE),
        (wav_header(data_bytes=4000, rate_hz=3) + bytes(4000), ErrorWord.UNDECODABLE),
        (id3v2_tag(5000), ErrorWord.NOT_AUDIO),
    ],
)
def test_what_is_no_audio_is_refused_by_the_right_word(
    content: bytes, word: ErrorWord, tmp_path: Path
) -> None:
    path = tmp_path / "song.mp3"
    path.write_bytes(content)
    assert error_of(path) is word


def test_what_is_no_file_is_refused_without_blocking(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert error_of(tmp_path / "pipe") is ErrorWord.UNREADABLE
    assert error_of(tmp_path) is ErrorWord.UNREADABLE
    assert error_of(tmp_path / "absent") is ErrorWord.NOT_FOUND
    assert error_of("nul\0byte") is ErrorWord.UNREADABLE


# References to other files and hosts


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


@pytest.mark.parametrize("audio_format", FORMATS, ids=lambda audio_format: audio_format.name)
def test_a_playlist_opens_neither_a_file_nor_a_connection(
    audio_format: AudioFormat, tmp_path: Path, listener: socket.socket
) -> None:
    secret, *_ = make(tmp_path, "aac_adts")
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/secret.aac"
    scripts = [
        PLAYLIST.format(target=secret),
        PLAYLIST.format(target=url),
        f"ffconcat version 1.0\nfile '{secret}'\nfile '{url}'\n",
        f"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=audio {listener.getsockname()[1]} RTP/AVP 0\n",
    ]
    for script in scripts:
        path = tmp_path / "song.mp3"
        path.write_text(script)
        assert error_of(path) is ErrorWord.NOT_AUDIO
        takes_anything = audio_format.name in ("gsm", "psion_wve")  # no header that would not fit
        refused = suppress(DecoderError) if takes_anything else pytest.raises(DecoderError)
        with path.open("rb") as file, refused:  # even if the sniffing were deceived
            FfmpegDecoder(file.fileno(), audio_format)
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_an_mp4_does_not_play_another_file_through_its_data_reference(tmp_path: Path) -> None:
    target, *_ = make(tmp_path, "alac_m4a")
    path = tmp_path / "reference.m4a"
    path.write_bytes(with_external_media(target.read_bytes(), target))
    with av.open(str(path), options={"enable_drefs": "1", "use_absolute_path": "1"}) as followed:
        assert any(np.abs(frame.to_ndarray()).max() > 0 for frame in followed.decode(audio=0))
    try:
        _, decoded = read_all(path)
    except TrackError as error:
        assert error.error is ErrorWord.UNDECODABLE
    else:
        assert not decoded.any()


def with_external_media(movie: bytes, target: Path) -> bytes:
    """Blank an MP4's own media and make its data reference an alias of another file (QTFF, "dref")."""
    media = movie.index(b"mdat") + 4
    data = bytearray(movie)
    data[media : movie.index(b"moov") - 4] = bytes(movie.index(b"moov") - 4 - media)
    absolute_path = os.fsencode(target) + bytes(len(os.fsencode(target)) % 2)
    volume, name = b"disk", os.fsencode(target.name)
    record = bytearray(150)
    record[10:15] = bytes([len(volume)]) + volume
    record[50 : 51 + len(name)] = bytes([len(name)]) + name
    struct.pack_into(">HH", record, 130, 1, 1)
    record += struct.pack(">HH", 2, len(absolute_path)) + absolute_path + struct.pack(">HH", 0xFFFF, 0)
    alias = struct.pack(">I4sI", 12 + len(record), b"alis", 0) + record
    reference = data.index(b"url ", data.index(b"dref")) - 4
    grown_bytes = len(alias) - 12
    data[reference : reference + 12] = alias
    for name_of_parent in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):
        at = data.index(name_of_parent, data.index(b"moov")) - 4
        struct.pack_into(">I", data, at, struct.unpack_from(">I", data, at)[0] + grown_bytes)
    return bytes(data)


# Falling back from one decoder to another


class FaultyDecoder:
    """Yields the first blocks of a signal and then gives up, or stops without a word."""

    def __init__(
        self, signal: np.ndarray, *, blocks: int, silently: bool = False, rate_hz: int = 22050
    ) -> None:
        self.info = AudioInfo("flac", rate_hz, 2, None)
        self._signal, self._blocks, self._silently = signal, blocks, silently
        self.reads_samples, self.promise = None, Promise()

    def blocks(self) -> Iterator[Block]:
        """Yield a thousand samples at a time."""
        for number in range(self._blocks):
            yield mix([self._signal[number * 1000 : (number + 1) * 1000]], self.info.sample_rate_hz)
        if not self._silently:
            raise DecoderError("lost my way")

    def close(self) -> None:
        """Do nothing."""


@pytest.mark.parametrize("silently", [True, False])
@pytest.mark.parametrize("blocks", [0, 2])
def test_another_decoder_goes_on_where_the_first_one_stopped(
    blocks: int, silently: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, mono, _ = make(tmp_path, "flac")
    faulty = FaultyDecoder(mono, blocks=blocks, silently=silently)
    monkeypatch.setitem(DECODERS, Decoder.LIBSNDFILE, lambda *_: faulty)
    reader, decoded = read_all(path)
    assert np.abs(decoded - mono).max() < 1e-4
    assert not reader.truncated


def test_another_decoder_opens_what_the_first_one_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> FaultyDecoder:
        raise DecoderError("not mine")

    path, mono, _ = make(tmp_path, "flac")
    monkeypatch.setitem(DECODERS, Decoder.LIBSNDFILE, refuse)
    _, decoded = read_all(path)
    assert len(decoded) == len(mono)
    monkeypatch.setitem(DECODERS, Decoder.FFMPEG, refuse)
    assert error_of(path) is ErrorWord.UNDECODABLE


def test_what_no_decoder_can_finish_is_truncated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, mono, _ = make(tmp_path, "vorbis")
    for decoder in Decoder:
        monkeypatch.setitem(DECODERS, decoder, lambda *_: FaultyDecoder(mono, blocks=3))
    reader, decoded = read_all(path)
    assert len(decoded) == 3000
    assert reader.truncated


# Resources


def test_an_hour_of_silence_in_a_small_file_takes_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "silence.flac"
    with sf.SoundFile(path, "w", 48000, 1, "PCM_16", format="FLAC", compression_level=1.0) as file:
        for _ in range(60):
            file.write(np.zeros(60 * 48000, np.int16))
    assert path.stat().st_size < 1_000_000
    tracemalloc.start()
    with open_audio(path) as reader:
        longest = max(len(block.samples) for block in reader.blocks())
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert reader.decoded_s == 3600
    assert longest <= BLOCK_VALUES
    assert peak_bytes < 8 << 20


def test_ffmpeg_blocks_are_bounded_too(tmp_path: Path) -> None:
    path, *_ = make(tmp_path, "aac_m4a", seconds=30.0)
    with open_audio(path) as reader:
        lengths = [len(block.samples) for block in reader.blocks()]
    assert len(lengths) > 3
    assert max(lengths) < BLOCK_VALUES


def open_below(folder: Path) -> list[str]:
    """Files of a folder that this process has open; other descriptors come and go with earlier tests."""
    targets = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # the listing's own is gone already
            targets.append(str(descriptor.readlink()))
    return [target for target in targets if Path(target).is_relative_to(folder)]


def test_nothing_is_printed_and_no_descriptor_leaks(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for kind in ("mp3", "flac", "vorbis", "aac_m4a"):
        path, *_ = make(tmp_path, kind, seconds=20.0)
        data = bytearray(path.read_bytes())
        data[len(data) // 2 : len(data) // 2 + 1000] = np.random.default_rng(8).bytes(1000)
        path.write_bytes(data)
        read_all(path)
        with open_audio(path):
            assert open_below(tmp_path)
    assert error_of(write_video(tmp_path / "film", None)) is ErrorWord.NOT_AUDIO
    assert not open_below(tmp_path)
    printed = capfd.readouterr()
    assert (printed.out, printed.err) == ("", "")


def test_several_threads_decode_at_once(tmp_path: Path) -> None:
    paths = [make(tmp_path, kind)[0] for kind in ("mp3", "flac", "vorbis", "aac_m4a")]
    alone = [read_all(path)[1] for path in paths]
    barrier = threading.Barrier(len(paths))

    def decode_together(path: Path) -> np.ndarray:
        barrier.wait()
        return read_all(path)[1]

    with ThreadPoolExecutor(len(paths)) as pool:
        for expected, together in zip(alone, pool.map(decode_together, paths), strict=True):
            assert np.array_equal(expected, together)
