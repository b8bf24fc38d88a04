"""Odd files of the kinds that catalogs hold, through the command: heard as their clean source, or told."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile as sf
import soxr

from tests.audio_files import Recipe, id3v1_tag, wav_header, write_audio, write_with_ffmpeg
from tests.catalog import errors, table, tonearm

SAMPLES = Path(__file__).parents[2] / "samples"
SECONDS = 6.0
RATE_HZ = 44100
SLOW_RATE_HZ = 22050

LOSSLESS, LOSSY = 0.002, 0.08
"""How far a track's scores may be from those of its clean source."""


@dataclass(frozen=True, slots=True)
class Odd:
    """How one file has to end.

    Attributes:
        like: The clean source whose scores it has; empty where the sound is damaged.
        within: How far its scores may be from those.
        seconds: How much is heard; None where that depends on the damage.
        truncated: The value of the column.
        failure: The word of the failure, for a file that cannot be heard.
    """

    like: str = ""
    within: float = LOSSY
    seconds: float | None = SECONDS
    truncated: bool = False
    failure: str = ""


EXPECTED = {
    "joined.mp3": Odd("ab.wav", seconds=2 * SECONDS),
    "turns_mono.mp3": Odd("ab.wav", seconds=2 * SECONDS),
    "turns_48k.mp3": Odd("ab.wav", seconds=2 * SECONDS),
    "no_frames.mp3": Odd("a.wav"),
    "rubbish_first.mp3": Odd("a.wav"),
    "protected.m4a": Odd(failure="undecodable"),
    "holes.m4a": Odd(seconds=None, truncated=True),
    "holes.webm": Odd(seconds=None, truncated=True),
    "holes.opus": Odd(seconds=None, truncated=True),
    "sound.ac3": Odd("a.wav"),
    "sound.tta": Odd("s.wav"),
    "sound.wv": Odd("s.wav"),
    "no_type.m4a": Odd("a.wav"),
    "no_type.mov": Odd("a.wav"),
    "pipe_80000000.wav": Odd("s.wav", LOSSLESS),
    "pipe_0.wav": Odd("s.wav", LOSSLESS),
    "pipe_7fffffff.wav": Odd("s.wav", LOSSLESS),
    "tag_behind.wma": Odd("a.wav"),
    "counts_a_third.flac": Odd("s.wav", LOSSLESS),
    "big_endian.wav": Odd("s.wav", LOSSLESS),
    "chain_of_channels.opus": Odd("ab.wav", seconds=2 * SECONDS),
    "chain_of_rates.ogg": Odd("ab.wav", seconds=2 * SECONDS),
    "latm.aac": Odd("a.wav"),
}


def read_sample(name: str) -> np.ndarray:
    """Some seconds from within a sample: float32 ``[samples, 2]`` at ``RATE_HZ``."""
    with sf.SoundFile(SAMPLES / name) as file:
        file.seek(5 * file.samplerate)
        signal = file.read(round(SECONDS * file.samplerate), dtype="float32", always_2d=True)
        rate_hz = file.samplerate
    stereo = signal if signal.shape[1] == 2 else np.repeat(signal[:, :1], 2, axis=1)
    return stereo if rate_hz == RATE_HZ else soxr.resample(stereo, rate_hz, RATE_HZ)


def write_odd_files(folder: Path) -> None:
    """Write the files above, and their clean sources beside them."""
    a, b = read_sample("night_bus.ogg"), read_sample("bach_prelude.flac")
    slow = soxr.resample(b.mean(axis=1), RATE_HZ, SLOW_RATE_HZ)[:, None]
    sf.write(folder / "a.wav", a, RATE_HZ)
    sf.write(folder / "ab.wav", np.concatenate([a, b]), RATE_HZ)
    sf.write(folder / "s.wav", slow, SLOW_RATE_HZ)
    _write_mp3s(folder, a, b)
    _write_mp4s(folder, a)
    _write_ogg_files(folder, a, b)
    _write_waves(folder, slow)
    for name, container, encoder, signal, rate_hz in (
        ("sound.ac3", "ac3", "ac3", a, RATE_HZ),
        ("sound.tta", "tta", "tta", slow, SLOW_RATE_HZ),
        ("sound.wv", "wv", "wavpack", slow, SLOW_RATE_HZ),
        ("latm.aac", "latm", "aac", a, RATE_HZ),
    ):
        recipe = Recipe("", "", ffmpeg=(container, encoder))
        write_with_ffmpeg(folder / name, recipe, signal, rate_hz=rate_hz, cover=False)
    wma = bytes_of(folder, "wma", a)
    (folder / "tag_behind.wma").write_bytes(wma + id3v1_tag())


def bytes_of(folder: Path, kind: str, signal: np.ndarray, rate_hz: int = RATE_HZ) -> bytes:
    path = write_audio(folder.parent / "scratch", kind, signal, rate_hz=rate_hz)
    return path.read_bytes()


def _write_mp3s(folder: Path, a: np.ndarray, b: np.ndarray) -> None:
    bare = bytes_of(folder, "mp3_without_xing", a)
    mono = bytes_of(folder, "mp3_without_xing", b.mean(axis=1, keepdims=True))
    faster = bytes_of(folder, "mp3_without_xing", soxr.resample(b, RATE_HZ, 48000), 48000)
    with_header = bytearray(bytes_of(folder, "mp3", a))
    (folder / "joined.mp3").write_bytes(bytes(with_header) + bytes_of(folder, "mp3", b))
    (folder / "turns_mono.mp3").write_bytes(bare + mono)
    (folder / "turns_48k.mp3").write_bytes(bare + faster)
    (folder / "rubbish_first.mp3").write_bytes(np.random.default_rng(3).bytes(70_000) + bare)
    header = max(with_header.find(b"Info"), with_header.find(b"Xing"))
    struct.pack_into(">I", with_header, header + 8, 0)
    (folder / "no_frames.mp3").write_bytes(with_header)
    with zipfile.ZipFile(folder / "album.zip", "w") as archive:
        archive.writestr("a.mp3", bare)
        archive.writestr("b.mp3", mono)


def _write_mp4s(folder: Path, a: np.ndarray) -> None:
    movie = bytes_of(folder, "aac_m4a", a)
    entry = movie.index(b"mp4a", movie.index(b"stsd"))
    (folder / "protected.m4a").write_bytes(movie[:entry] + b"drms" + movie[entry + 4 :])
    (folder / "no_type.m4a").write_bytes(movie.replace(b"ftyp", b"free", 1))
    recipe = Recipe("", "", ffmpeg=("mov", "aac"))
    write_with_ffmpeg(folder / "no_type.mov", recipe, a, rate_hz=RATE_HZ, cover=False)
    film = (folder / "no_type.mov").read_bytes()
    (folder / "no_type.mov").write_bytes(film.replace(b"ftyp", b"free", 1))
    (folder / "holes.m4a").write_bytes(movie)
    _blank_every_second_packet(folder / "holes.m4a")


def _blank_every_second_packet(path: Path) -> None:
    content = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(audio=0) if packet.size]
        for packet in packets[1::2]:
            at = content.index(bytes(packet), packet.pos or 0)
            content[at : at + packet.size] = bytes(packet.size)
    path.write_bytes(content)


def _write_ogg_files(folder: Path, a: np.ndarray, b: np.ndarray) -> None:
    def link(signal: np.ndarray, rate_hz: int, subtype: str) -> bytes:
        sf.write(folder.parent / "link", signal, rate_hz, subtype, format="OGG")
        return (folder.parent / "link").read_bytes()

    a48, b48 = (soxr.resample(signal, RATE_HZ, 48000) for signal in (a, b))
    mono = a48.mean(axis=1)
    (folder / "chain_of_channels.opus").write_bytes(link(mono, 48000, "OPUS") + link(b48, 48000, "OPUS"))
    (folder / "chain_of_rates.ogg").write_bytes(link(a, RATE_HZ, "VORBIS") + link(b48, 48000, "VORBIS"))
    opus = bytearray(bytes_of(folder, "opus", a48, 48000))
    for start in range(len(opus) // 4, len(opus), len(opus) // 4):
        opus[start : start + len(opus) // 8] = bytes(len(opus[start : start + len(opus) // 8]))
    (folder / "holes.opus").write_bytes(opus)
    (folder / "holes.webm").write_bytes(bytes_of(folder, "opus_webm", a48, 48000))
    _blank_every_second_packet(folder / "holes.webm")


def _write_waves(folder: Path, slow: np.ndarray) -> None:
    numbers = (slow[:, 0] * 32767).astype("<i2").tobytes()
    sf.write(folder / "s.wav", np.frombuffer(numbers, "<i2"), SLOW_RATE_HZ)
    for size in (0, 0x7FFFFFFF, 0x80000000):
        header = wav_header(data_bytes=size, rate_hz=SLOW_RATE_HZ, channels=1, riff_bytes=0xFFFFFFFF)
        (folder / f"pipe_{size:x}.wav").write_bytes(header + numbers)
    sf.write(folder / "big_endian.wav", np.frombuffer(numbers, "<i2"), SLOW_RATE_HZ, endian="BIG")
    sf.write(folder.parent / "scratch", np.frombuffer(numbers, "<i2"), SLOW_RATE_HZ, format="FLAC")
    flac = bytearray((folder.parent / "scratch").read_bytes())
    packed = int.from_bytes(flac[18:26], "big")
    flac[18:26] = (packed >> 36 << 36 | len(numbers) // 6).to_bytes(8, "big")
    (folder / "counts_a_third.flac").write_bytes(flac)


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    base = tmp_path_factory.mktemp("odd")
    (base / "files").mkdir()
    write_odd_files(base / "files")
    assert tonearm("ingest", base / "files", "--output", base / "tables") == 0
    yield base / "tables"


def test_odd_files_are_heard_as_their_clean_sources_or_told(output: Path) -> None:
    rows = {Path(row["uri"]).name: row for row in table(output, "track_tags")}
    assert errors(output) == {name: odd.failure for name, odd in EXPECTED.items() if odd.failure}
    for name, odd in EXPECTED.items():
        if odd.failure:
            continue
        row = rows[name]
        assert row["truncated"] == odd.truncated, name
        assert odd.seconds is None or row["decoded_s"] == pytest.approx(odd.seconds, abs=0.15), name
        assert row["duration_s"] is None or row["duration_s"] <= 1.1 * max(row["decoded_s"], SECONDS), name
        if odd.like:
            apart = np.abs(np.subtract(row["scores"], rows[odd.like]["scores"])).max()
            assert apart <= odd.within, (name, apart)


def test_an_archive_is_no_track(output: Path) -> None:
    named = {Path(row["uri"]).name for kind in ("track_tags", "failures") for row in table(output, kind)}
    assert "album.zip" not in named
    assert len(named) == len(EXPECTED) + 3


def test_the_message_says_that_the_sound_is_encrypted(output: Path) -> None:
    messages = {Path(row["uri"]).name: row["message"] for row in table(output, "failures")}
    assert "encrypted" in messages["protected.m4a"]
