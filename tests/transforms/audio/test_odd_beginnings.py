"""What stands before, behind or in the place of the sound: rubbish, tags, texts, another header."""

from __future__ import annotations

import struct
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from tests.audio_files import RECIPES, id3v1_tag, id3v2_tag, sweep, wav_header, write_audio
from tests.rare_audio_files import RARE_FILES
from tonearm.transforms.audio.identification import identify
from tonearm.transforms.audio.reader import AudioReader, open_audio

RATE_HZ = 44100
SECONDS = 1.5
NOISE = np.random.default_rng(9).bytes
HTTP_HEAD = b"HTTP/1.0 200 OK\r\nContent-Type: application/ogg\r\nicy-name: a station\r\n\r\n"


def bytes_of(kind: str, tmp_path: Path) -> bytes:
    if kind in RARE_FILES:
        return RARE_FILES[kind].make()
    rate_hz = (RECIPES[kind].rates_hz or (RATE_HZ,))[-1]
    return write_audio(tmp_path / "made", kind, sweep(SECONDS, rate_hz=rate_hz), rate_hz=rate_hz).read_bytes()


def heard(data: bytes, tmp_path: Path) -> tuple[AudioReader, np.ndarray]:
    path = tmp_path / "track"
    path.write_bytes(data)
    with open_audio(path) as reader:
        return reader, np.concatenate([block.samples for block in reader.blocks()])


def assert_heard_as(data: bytes, original: bytes, tmp_path: Path, *, shorter_by_s: float = 0.1) -> None:
    reader, signal = heard(data, tmp_path)
    whole, expected = heard(original, tmp_path)
    assert reader.info.codec == whole.info.codec
    assert reader.decoded_s == pytest.approx(whole.decoded_s, abs=shorter_by_s)
    assert not reader.truncated
    assert np.sqrt(np.mean(signal**2)) == pytest.approx(np.sqrt(np.mean(expected**2)), rel=0.1)


def wrong_id3(claimed_bytes: int, actual_bytes: int) -> bytes:
    size = bytes(claimed_bytes >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\x00\x00" + size + NOISE(actual_bytes).replace(b"\xff", b"\xfe")


BEFORE = {
    "70_kB_of_rubbish": NOISE(70_000),
    "1_MB_of_rubbish": NOISE(1_000_000),
    "300_kB_of_zeros": bytes(300_000),
    "an_http_head": HTTP_HEAD,
    "a_tag_longer_than_the_file": wrong_id3(900_000, 3_000),
    "a_tag_that_reaches_into_the_sound": wrong_id3(8_000, 3_000),
    "a_tag_that_says_too_little": wrong_id3(10, 70_000),
}


@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)
@pytest.mark.parametrize("kind", ["mp3_without_xing", "aac_adts", "ac3"])
def test_a_stream_is_found_behind_what_does_not_belong(kind: str, before: bytes, tmp_path: Path) -> None:
    original = bytes_of(kind, tmp_path)
    assert_heard_as(before + original, original, tmp_path)


@pytest.mark.parametrize("before", [HTTP_HEAD, b"a text\n" * 3000, bytes(5_000), bytes(200_000)])
@pytest.mark.parametrize("kind", ["vorbis", "opus", "flac", "wav_16", "aac_m4a", "wavpack"])
def test_a_container_is_found_behind_a_text_or_zeros(kind: str, before: bytes, tmp_path: Path) -> None:
    original = bytes_of(kind, tmp_path)
    assert_heard_as(before + original, original, tmp_path)


def test_flash_video_is_found_behind_rubbish(tmp_path: Path) -> None:
    original = bytes_of("flv", tmp_path)
    assert_heard_as(NOISE(500) + original, original, tmp_path)


@pytest.mark.parametrize("tags", [id3v2_tag(5_000), id3v2_tag(10) + id3v2_tag(150_000)], ids=["one", "two"])
@pytest.mark.parametrize(
    "kind",
    ["vorbis", "wav_16", "aiff_16", "aac_m4a", "wma", "w64", "caf_16", "flac_matroska",
     "wavpack", "tta", "ac3", "dts", "loas", "musepack_8", "au", "dsf"],
)  # fmt: skip
def test_id3_may_stand_before_any_format(kind: str, tags: bytes, tmp_path: Path) -> None:
    original = bytes_of(kind, tmp_path)
    assert_heard_as(tags + original, original, tmp_path)


@pytest.mark.parametrize("kind", ["flac", "wav_16", "vorbis", "wavpack"])
@pytest.mark.parametrize("claimed_bytes", [100, 900_000])
def test_id3_before_a_container_may_say_a_wrong_length(kind: str, claimed_bytes: int, tmp_path: Path) -> None:
    original = bytes_of(kind, tmp_path)
    assert_heard_as(wrong_id3(claimed_bytes, 3_000) + original, original, tmp_path)


APE_TAG = b"APETAGEX" + struct.pack("<IIII", 2000, 40, 1, 0) + bytes(16)
BEHIND = {
    "id3v1": id3v1_tag(),
    "ape": APE_TAG,
    "lyrics3": b"LYRICSBEGIN" + b"la " * 10 + b"000041LYRICS200" + id3v1_tag(),
    "slack": bytes(40),
}


@pytest.mark.parametrize("behind", BEHIND.values(), ids=BEHIND)
@pytest.mark.parametrize(
    "kind",
    ["mp3", "aac_adts", "flac", "vorbis", "opus", "wav_16", "aiff_16", "caf_16", "aac_m4a", "wma",
     "wavpack", "tta", "ac3", "eac3", "dts", "loas", "musepack_8", "au", "real_media"],
)  # fmt: skip
def test_what_stands_behind_the_sound_makes_no_file_truncated(
    kind: str, behind: bytes, tmp_path: Path
) -> None:
    original = bytes_of(kind, tmp_path)
    assert_heard_as(original + behind, original, tmp_path)


@pytest.mark.parametrize("hole", [b"", bytes(10_000), NOISE(10_000)], ids=["removed", "zeros", "noise"])
def test_bursts_of_a_digital_cable_that_are_missing_are_noticed(hole: bytes, tmp_path: Path) -> None:
    original = bytes_of("iec61937", tmp_path)
    damaged = original[:50_000] + hole + original[60_000:]
    for data in (damaged, in_wav(damaged)):
        reader, _ = heard(data, tmp_path)
        assert reader.truncated


@pytest.mark.parametrize("kind", ["amr", "nut"])
def test_a_tag_is_not_taken_for_the_last_packets(kind: str, tmp_path: Path) -> None:
    original = bytes_of(kind, tmp_path)
    assert_heard_as(original + id3v1_tag(), original, tmp_path, shorter_by_s=0.0)


@pytest.mark.parametrize("kind", ["aac_adts", "amr", "mpeg_ts", "truehd", "loas"])
def test_zeros_in_the_place_of_the_second_half_are_a_download_that_stopped(kind: str, tmp_path: Path) -> None:
    original = bytes_of(kind, tmp_path)
    half = original[: len(original) // 2]
    reader, _ = heard(half + bytes(max(len(half), 8192)), tmp_path)
    assert reader.truncated


@pytest.mark.parametrize("first_atom", [b"skip", b"wide", b"free"])
def test_an_mp4_needs_no_file_type_box(first_atom: bytes, tmp_path: Path) -> None:
    original = bytes_of("aac_m4a", tmp_path)
    assert_heard_as(original[:4] + first_atom + original[8:], original, tmp_path)


def test_a_text_that_begins_like_an_mp4_is_none(tmp_path: Path) -> None:
    assert identify(b"get free music here, all of it" * 100) is None


def swapped(data: bytes) -> bytes:
    words = np.frombuffer(data[: len(data) // 2 * 2], "<u2")
    return words.byteswap().tobytes()


def in_wav(payload: bytes) -> bytes:
    header = wav_header(data_bytes=len(payload), rate_hz=RATE_HZ)
    return header + payload


def in_14_bits(dts: bytes) -> bytes:
    """DTS as a compact disc has it: 14 bits in each word of 16, the sign repeated, little-endian."""
    frame_bytes = (int.from_bytes(dts[4:12], "big") >> 36 & 0x3FFF) + 1
    return b"".join(_frame_in_14_bits(dts[at : at + frame_bytes]) for at in range(0, len(dts), frame_bytes))


def _frame_in_14_bits(frame: bytes) -> bytes:
    bits = np.unpackbits(np.frombuffer(frame, np.uint8))
    bits = np.pad(bits, (0, -len(bits) % 14)).reshape(-1, 14)
    words = bits @ (1 << np.arange(13, -1, -1))
    return np.where(words >= 1 << 13, words - (1 << 14), words).astype("<i2").tobytes()


@pytest.mark.parametrize("lead", [b"", bytes(4000)], ids=["at_once", "after_silence"])
@pytest.mark.parametrize("kind", ["dts", "ac3", "iec61937", "mp3_without_xing"])
def test_what_hides_in_a_wav_is_taken_for_what_it_is(kind: str, lead: bytes, tmp_path: Path) -> None:
    original = bytes_of(kind, tmp_path)
    assert_heard_as(in_wav(lead + original), original, tmp_path)


@pytest.mark.parametrize("kind", ["dts", "ac3", "eac3", "iec61937"])
def test_a_track_cut_out_of_a_disc_may_begin_inside_a_frame(kind: str, tmp_path: Path) -> None:
    original = bytes_of(kind, tmp_path)
    assert_heard_as(in_wav(original[500:]), original, tmp_path)


def test_dts_hides_in_an_aiff_too(tmp_path: Path) -> None:
    original = bytes_of("dts", tmp_path)
    samples = np.frombuffer(original[: len(original) // 4 * 4], ">i2").astype("<i2").reshape(-1, 2)
    sf.write(tmp_path / "made", samples, RATE_HZ, format="AIFF", subtype="PCM_16")
    assert_heard_as((tmp_path / "made").read_bytes(), original, tmp_path)


@pytest.mark.parametrize("kind", ["dts", "ac3"])
def test_words_of_16_bits_may_be_little_endian(kind: str, tmp_path: Path) -> None:
    original = bytes_of(kind, tmp_path)
    assert_heard_as(in_wav(swapped(original)), original, tmp_path)
    assert_heard_as(swapped(original), original, tmp_path)


def test_dts_may_be_packed_into_14_bits(tmp_path: Path) -> None:
    original = bytes_of("dts", tmp_path)
    packed = in_14_bits(original)
    for data in (packed, swapped(packed), in_wav(packed)):
        assert_heard_as(data, original, tmp_path)


def test_what_hides_in_an_extensible_wav_is_found_too(tmp_path: Path) -> None:
    original = bytes_of("dts", tmp_path)
    pcm = bytes.fromhex("0100000000001000800000aa00389b71")
    fmt = struct.pack("<HHIIHHHHI", 0xFFFE, 2, RATE_HZ, 4 * RATE_HZ, 4, 16, 22, 16, 3) + pcm
    body = (
        b"WAVEfmt "
        + struct.pack("<I", len(fmt))
        + fmt
        + b"data"
        + struct.pack("<I", len(original))
        + original
    )
    assert_heard_as(b"RIFF" + struct.pack("<I", len(body)) + body, original, tmp_path)


def test_noise_in_a_wav_remains_noise(tmp_path: Path) -> None:
    reader, signal = heard(in_wav(NOISE(200_000)), tmp_path)
    assert reader.info.codec == "pcm_s16"
    assert len(signal) == 50_000


def big_endian(wav: bytes) -> bytes:
    """The same samples in a WAV of the other byte order."""
    fields = struct.unpack_from("<IHHIIHH", wav, 16)
    samples = swapped(wav[44:])
    head = b"RIFX" + struct.pack(">I", len(samples) + 36) + b"WAVEfmt " + struct.pack(">IHHIIHH", *fields)
    return head + b"data" + struct.pack(">I", len(samples)) + samples


def test_a_big_endian_wav_is_no_noise(tmp_path: Path) -> None:
    original = bytes_of("wav_16", tmp_path)
    assert_heard_as(big_endian(original), original, tmp_path)


def test_bw64_is_rf64_by_another_name(tmp_path: Path) -> None:
    original = bytes_of("rf64", tmp_path)
    assert_heard_as(b"BW64" + original[4:], original, tmp_path)


def of_free_format(seconds: float, folder: Path) -> bytes:
    """Headers that name no bit rate: what the others say by a number, the distance to the next one says."""
    original = bytearray(
        write_audio(folder / "m", "mp3_without_xing", sweep(seconds), rate_hz=48_000).read_bytes()
    )
    start = original.index(b"\xff\xfb")
    frame_bytes = 384  # 128 kbit/s at 48 kHz, so that no frame is padded
    for at in range(start, len(original) - 4, frame_bytes):
        original[at + 2] &= 0x0F
    return bytes(original[start:])


def test_mpeg_audio_of_free_format_is_played(tmp_path: Path) -> None:
    reader, signal = heard(of_free_format(SECONDS, tmp_path), tmp_path)
    assert reader.decoded_s > SECONDS * 0.8
    assert np.abs(signal).max() > 0.1


def test_the_end_of_a_long_one_is_not_searched_for_frames(tmp_path: Path) -> None:
    """That would take minutes: each of its frames is as long as the distance to any that follows."""
    content = of_free_format(20.0, tmp_path)
    began = time.process_time()
    reader, _ = heard(content, tmp_path)
    assert time.process_time() - began < 10.0
    assert reader.decoded_s == pytest.approx(20.0, abs=2.0)
