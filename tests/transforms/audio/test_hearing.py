"""Sound is heard to its end whatever headers claim, and what was lost on the way is told."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile as sf

from tests.audio_files import Recipe, id3v1_tag, id3v2_tag, sweep, write_audio, write_with_ffmpeg
from tests.transforms.audio.damage import lively
from tonearm.transforms.audio.isolation.isolated_reader import open_audio_isolated
from tonearm.transforms.audio.reader import AudioReader, open_audio
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import TrackError
from tonearm.transforms.elements.stage_times import StageTimes

SECONDS = 3.0
RATE_HZ = 44100


def hear(path: Path) -> AudioReader:
    with open_audio(path) as reader:
        for _ in reader.blocks():
            pass
    return reader


def bytes_of(folder: Path, kind: str, *, rate_hz: int = RATE_HZ, channels: int = 2) -> bytes:
    signal = lively(SECONDS, rate_hz)[:, :channels]
    return write_audio(folder / "original", kind, signal, rate_hz=rate_hz).read_bytes()


def heard_of(folder: Path, content: bytes) -> AudioReader:
    path = folder / "changed"
    path.write_bytes(content)
    return hear(path)


def assert_whole(reader: AudioReader, seconds: float) -> None:
    assert reader.decoded_s == pytest.approx(seconds, abs=0.15)
    assert not reader.truncated


# Headers that claim or suggest less than there is


@pytest.mark.parametrize("kind", ["mp3", "mp3_without_xing", "mp3_by_libsndfile", "flac", "aac_adts", "opus"])
def test_joined_files_are_one_track(kind: str, tmp_path: Path) -> None:
    rate_hz = 48000 if kind == "opus" else RATE_HZ
    once = bytes_of(tmp_path, kind, rate_hz=rate_hz)
    assert_whole(heard_of(tmp_path, once + once), 2 * SECONDS)


def test_tags_between_joined_files_are_no_loss(tmp_path: Path) -> None:
    once = bytes_of(tmp_path, "mp3")
    assert_whole(heard_of(tmp_path, once + id3v1_tag() + id3v2_tag(5000) + once), 2 * SECONDS)


@pytest.mark.parametrize("frames", [0, 1, 20])
def test_a_xing_header_that_counts_too_few_frames_is_only_a_header(frames: int, tmp_path: Path) -> None:
    content = bytearray(bytes_of(tmp_path, "mp3"))
    header = content.index(b"Info") if b"Info" in content else content.index(b"Xing")
    struct.pack_into(">I", content, header + 8, frames)
    assert_whole(heard_of(tmp_path, bytes(content)), SECONDS)


@pytest.mark.parametrize(("rate_hz", "channels"), [(48000, 2), (44100, 1), (22050, 2), (32000, 1)])
@pytest.mark.parametrize("kind", ["mp3_without_xing", "aac_adts"])
def test_streams_that_change_rate_or_channels_go_on(
    kind: str, rate_hz: int, channels: int, tmp_path: Path
) -> None:
    first = bytes_of(tmp_path, kind)
    second = bytes_of(tmp_path, kind, rate_hz=rate_hz, channels=channels)
    reader = heard_of(tmp_path, first + second)
    assert_whole(reader, 2 * SECONDS)
    assert reader.info.sample_rate_hz == RATE_HZ


def test_mp3_whose_later_frames_are_smaller_is_heard_to_its_end(tmp_path: Path) -> None:
    """Without a Xing header, the length is guessed from the first frames' bit rate."""
    parts = []
    for bit_rate in (64_000, 320_000):
        path = tmp_path / f"{bit_rate}.mp3"
        with av.open(str(path), "w", format="mp3", options={"write_xing": "0", "id3v2_version": "0"}) as file:
            stream = file.add_stream("libmp3lame", rate=RATE_HZ, layout="stereo")
            stream.bit_rate = bit_rate
            frame = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(lively(SECONDS, RATE_HZ).T), format="fltp", layout="stereo"
            )
            frame.sample_rate = RATE_HZ
            for packet in (*stream.encode(frame), *stream.encode(None)):
                file.mux(packet)
        parts.append(path.read_bytes())
    assert_whole(heard_of(tmp_path, parts[1] + 3 * parts[0]), 4 * SECONDS)


@pytest.mark.parametrize("samples", [0, 1, 40_000, round(SECONDS * RATE_HZ) - 100])
@pytest.mark.parametrize("kind", ["flac", "flac_24", "flac_by_ffmpeg"])
def test_flac_is_heard_to_its_end_whatever_its_header_counts(kind: str, samples: int, tmp_path: Path) -> None:
    content = bytearray(bytes_of(tmp_path, kind))
    packed = int.from_bytes(content[18:26], "big")
    content[18:26] = (packed >> 36 << 36 | samples).to_bytes(8, "big")
    reader = heard_of(tmp_path, bytes(content))
    assert reader.decoded_s == SECONDS
    assert not reader.truncated


# Chains


def ogg(folder: Path, subtype: str, rate_hz: int, channels: int) -> bytes:
    """An Ogg file of either codec that libsndfile writes."""
    path = folder / "link"
    sf.write(path, lively(SECONDS, rate_hz)[:, :channels], rate_hz, subtype, format="OGG")
    return path.read_bytes()


@pytest.mark.parametrize(
    "links",
    [
        [("VORBIS", 44100, 2), ("VORBIS", 48000, 2)],
        [("VORBIS", 44100, 2), ("VORBIS", 44100, 1)],
        [("VORBIS", 8000, 1), ("VORBIS", 44100, 2), ("VORBIS", 22050, 1)],
        [("OPUS", 48000, 1), ("OPUS", 48000, 2)],
        [("OPUS", 48000, 2), ("OPUS", 24000, 1), ("OPUS", 48000, 2)],
        [("VORBIS", 44100, 2), ("OPUS", 48000, 2)],
    ],
)
def test_the_links_of_a_chain_are_one_track(links: Sequence[tuple[str, int, int]], tmp_path: Path) -> None:
    reader = heard_of(tmp_path, b"".join(ogg(tmp_path, *link) for link in links))
    assert_whole(reader, len(links) * SECONDS)


def test_flac_in_ogg_is_chained_too(tmp_path: Path) -> None:
    first = bytes_of(tmp_path, "flac_ogg")
    second = bytes_of(tmp_path, "flac_ogg", rate_hz=48000, channels=1)
    assert_whole(heard_of(tmp_path, first + second), 2 * SECONDS)


def test_a_link_keeps_its_pitch_and_its_highs(tmp_path: Path) -> None:
    """The second link is not squeezed through the lower rate of the first one."""
    path = tmp_path / "chain"
    pieces = []
    for rate_hz, hertz in ((8000, 440.0), (44100, 6000.0)):
        tone = sweep(SECONDS, rate_hz=rate_hz, from_hz=hertz, to_hz=hertz)
        sf.write(tmp_path / "link", tone, rate_hz, "VORBIS", format="OGG")
        pieces.append((tmp_path / "link").read_bytes())
    path.write_bytes(b"".join(pieces))
    with open_audio(path) as reader:
        signal = np.concatenate(list(reader.samples(16000)))
    assert len(signal) == pytest.approx(2 * SECONDS * 16000, abs=200)
    for at, hertz in ((0.5, 440.0), (SECONDS + 0.5, 6000.0)):
        piece = signal[round(at * 16000) :][:32000]
        spectrum = np.abs(np.fft.rfft(piece))
        assert np.argmax(spectrum) / 2 == pytest.approx(hertz, abs=2)


def test_a_lost_link_is_told(tmp_path: Path) -> None:
    links = [bytearray(ogg(tmp_path, "VORBIS", 44100, 2)) for _ in range(3)]
    links[1][100:4000] = bytes(3900)  # its headers
    reader = heard_of(tmp_path, b"".join(links))
    assert reader.truncated
    assert reader.decoded_s == pytest.approx(2 * SECONDS, abs=0.2)


# What is lost


Change = Callable[[int, bytes], bytes | None]

CONTAINERS = {
    "mp4": ("mp4", "aac", 44100),
    "fragmented mp4": ("mp4", "aac", 44100),
    "mov": ("mov", "alac", 44100),
    "adts": ("adts", "aac", 44100),
    "matroska": ("matroska", "aac", 44100),
    "webm": ("webm", "libopus", 48000),
    "ogg": ("ogg", "libopus", 48000),
    "mp3": ("mp3", "libmp3lame", 44100),
    "asf": ("asf", "wmav2", 44100),
}


def write_changed(path: Path, container: str, change: Change) -> None:
    """Write packets as they leave the encoder, changed one by one; None leaves one out."""
    muxer, encoder, rate_hz = CONTAINERS[container]
    fragmented = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": "500000"}
    options = fragmented if container == "fragmented mp4" else {}
    with av.open(str(path), "w", format=muxer, options=options) as file:
        stream = file.add_stream(encoder, rate=rate_hz, layout="stereo")
        stream.bit_rate = 128_000
        resampler = av.AudioResampler(
            stream.codec_context.format.name, "stereo", rate_hz, stream.codec_context.frame_size
        )
        file.start_encoding()
        whole = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(lively(6.0, rate_hz)).reshape(1, -1), format="flt", layout="stereo"
        )
        whole.sample_rate, whole.pts = rate_hz, 0
        frames = [*resampler.resample(whole), *resampler.resample(None)]
        packets = [packet for frame in [*frames, None] for packet in stream.encode(frame)]
        for number, packet in enumerate(packets):
            content = change(number, bytes(packet))
            if content is not None:
                changed = av.Packet(content)
                changed.pts, changed.dts, changed.duration = packet.pts, packet.dts, packet.duration
                changed.time_base, changed.stream = packet.time_base, stream
                file.mux(changed)


def zeros_in_place_of_half(number: int, content: bytes) -> bytes:
    return bytes(len(content)) if number // 8 % 2 else content


def zeros_in_the_middle(number: int, content: bytes) -> bytes:
    return bytes(len(content)) if 60 <= number < 90 else content


def none_in_the_middle(number: int, content: bytes) -> bytes | None:
    return None if 60 <= number < 90 else content


@pytest.mark.parametrize("container", CONTAINERS)
def test_an_unchanged_stream_is_whole(container: str, tmp_path: Path) -> None:
    write_changed(tmp_path / "song", container, lambda _, content: content)
    assert_whole(hear(tmp_path / "song"), 6.0)


@pytest.mark.parametrize("change", [zeros_in_place_of_half, zeros_in_the_middle])
@pytest.mark.parametrize("container", sorted(CONTAINERS.keys() - {"ogg"}))
def test_zeros_in_the_place_of_packets_are_a_loss(container: str, change: Change, tmp_path: Path) -> None:
    write_changed(tmp_path / "song", container, change)
    assert hear(tmp_path / "song").truncated


@pytest.mark.parametrize("container", ["matroska", "webm", "asf"])
def test_packets_that_are_missing_by_the_clock_are_a_loss(container: str, tmp_path: Path) -> None:
    write_changed(tmp_path / "song", container, none_in_the_middle)
    assert hear(tmp_path / "song").truncated


@pytest.mark.parametrize(
    "kind", ["opus", "vorbis", "flac_ogg", "mp3", "mp3_without_xing", "aac_adts", "flac"]
)
@pytest.mark.parametrize("damage", ["zeros", "noise", "removed"])
def test_a_hole_in_the_bytes_is_told(kind: str, damage: str, tmp_path: Path) -> None:
    content = bytes_of(tmp_path, kind, rate_hz=48000 if kind == "opus" else RATE_HZ)
    start, end = len(content) // 2, len(content) * 2 // 3
    fill = {"zeros": bytes(end - start), "noise": np.random.default_rng(4).bytes(end - start), "removed": b""}
    reader = heard_of(tmp_path, content[:start] + fill[damage] + content[end:])
    assert reader.truncated
    assert 0.3 * SECONDS < reader.decoded_s < SECONDS


@pytest.mark.parametrize("container", ["mp4", "matroska", "adts", "asf"])
def test_next_to_nothing_heard_is_a_failure(container: str, tmp_path: Path) -> None:
    def zeros_but_for_the_first(number: int, content: bytes) -> bytes:
        return content if number < 3 else bytes(len(content))

    write_changed(tmp_path / "song", container, zeros_but_for_the_first)
    with pytest.raises(TrackError) as failure:
        hear(tmp_path / "song")
    assert failure.value.error is ErrorWord.UNDECODABLE


# The level that mixing to mono costs


def stereo(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return np.stack([left, right], axis=1).astype(np.float32)


TONE = sweep(2.0, channels=1)[:, 0]
NOISES = np.random.default_rng(6).standard_normal((6, len(TONE))).astype(np.float32) / 8


@pytest.mark.parametrize(
    ("signal", "loss_db"),
    [
        (TONE[:, None], 0.0),
        (stereo(TONE, TONE), 0.0),
        (stereo(TONE, -TONE), 120.0),
        (stereo(TONE, -0.9 * TONE), 25.6),
        (stereo(TONE, 0 * TONE), 3.01),
        (stereo(NOISES[0], NOISES[1]), 3.01),
        (NOISES.T, 7.78),
        (stereo(0 * TONE, 0 * TONE), None),
    ],
    ids=["mono", "equal", "opposite", "nearly opposite", "one side", "unrelated", "six", "silence"],
)
@pytest.mark.parametrize("kind", ["wav_float32", "flac_24", "wav_8", "alac_m4a"])
def test_the_level_lost_by_mixing_is_told(
    kind: str, signal: np.ndarray, loss_db: float | None, tmp_path: Path
) -> None:
    path = write_audio(tmp_path / "song", kind, signal)
    loss = hear(path).downmix_loss_db
    if loss_db is None or (kind == "wav_8" and loss_db > 100):  # 8 bits cannot oppose exactly
        assert loss is None or loss > 20 or kind == "wav_8"
    elif loss_db > 100:
        assert loss is not None
        assert 60 < loss <= 120
    else:
        assert loss == pytest.approx(loss_db, abs=0.3 if kind == "wav_8" else 0.05)


@pytest.mark.parametrize("kind", ["wav_float32", "flac_24", "wav_8", "alac_m4a"])
@pytest.mark.parametrize(
    ("signal", "level_db"),
    [
        (TONE[:, None], -7.45),
        (TONE[:, None] / 4, -19.49),
        (stereo(TONE, -TONE), -7.45),
        (stereo(TONE, 0 * TONE), -10.46),
        (stereo(0 * TONE, 0 * TONE), None),
    ],
    ids=["mono", "a quarter", "opposite", "one side", "silence"],
)
def test_the_level_is_told(kind: str, signal: np.ndarray, level_db: float | None, tmp_path: Path) -> None:
    """Of the channels as they are heard, whatever becomes of them in the mix."""
    level = hear(write_audio(tmp_path / "song", kind, signal)).level_db
    assert level == (None if level_db is None else pytest.approx(level_db, abs=0.05))


def test_the_loss_crosses_from_the_decoder_process(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "song", "wav_16", stereo(TONE, 0 * TONE))
    with open_audio_isolated(path, 16000, StageTimes()) as isolated:
        for _ in isolated.samples():
            pass
    assert isolated.downmix_loss_db == pytest.approx(3.01, abs=0.01)


# Bytes that no decoder reads


@pytest.mark.parametrize("kind", ["wav_16", "wav_24", "wav_float32"])
def test_sound_behind_the_data_of_a_wav_is_told(kind: str, tmp_path: Path) -> None:
    once = bytes_of(tmp_path, kind)
    assert heard_of(tmp_path, once + once).truncated
    assert heard_of(tmp_path, once + np.random.default_rng(8).bytes(20_000)).truncated
    assert not heard_of(tmp_path, once + struct.pack("<4sI", b"note", 20_000) + bytes(20_000)).truncated


def test_au_is_heard_to_its_end(tmp_path: Path) -> None:
    sf.write(tmp_path / "song", lively(SECONDS, RATE_HZ), RATE_HZ, "PCM_16", format="AU")
    content = bytearray((tmp_path / "song").read_bytes())
    struct.pack_into(">I", content, 8, len(content) // 3)
    assert_whole(heard_of(tmp_path, bytes(content)), SECONDS)


@pytest.mark.parametrize("kind", ["mp3", "mp3_without_xing"])
def test_a_download_that_stopped_leaves_zeros_that_are_no_padding(kind: str, tmp_path: Path) -> None:
    content = bytes_of(tmp_path, kind)
    assert not heard_of(tmp_path, content + bytes(2000)).truncated
    assert heard_of(tmp_path, content[:-20_000] + bytes(20_000)).truncated


@pytest.mark.parametrize("tag", [id3v1_tag(), id3v2_tag(3000)])
@pytest.mark.parametrize("kind", ["aac_adts", "mp3_without_xing", "flac", "wma"])
def test_a_tag_at_the_end_is_no_loss(kind: str, tag: bytes, tmp_path: Path) -> None:
    assert_whole(heard_of(tmp_path, bytes_of(tmp_path, kind) + tag), SECONDS)


def test_flac_has_the_rate_of_its_frames(tmp_path: Path) -> None:
    content = bytearray(bytes_of(tmp_path, "flac"))
    packed = int.from_bytes(content[18:26], "big")
    content[18:26] = (packed & (1 << 44) - 1 | 96000 << 44).to_bytes(8, "big")
    reader = heard_of(tmp_path, bytes(content))
    assert reader.decoded_s == SECONDS


def test_frames_behind_a_long_hole_are_missed(tmp_path: Path) -> None:
    """Every third frame is left between zeros, which no three in a row end."""
    path = tmp_path / "song"
    recipe = Recipe("", "", ffmpeg=("ac3", "ac3"))
    write_with_ffmpeg(path, recipe, lively(SECONDS, RATE_HZ), rate_hz=RATE_HZ, cover=False)
    content = bytearray(path.read_bytes())
    frame_bytes = len(content) // 87
    for start in range(8 * frame_bytes, len(content), 3 * frame_bytes):
        content[start : start + 2 * frame_bytes] = bytes(len(content[start : start + 2 * frame_bytes]))
    assert heard_of(tmp_path, bytes(content)).truncated
