"""What containers claim about their length: numbers that nobody knew, absurd ones, and real ones."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
import soundfile as sf
from hypothesis import given
from hypothesis import strategies as st

from tests.audio_files import sweep, write_audio
from tests.rare_audio_files import RARE_FILES
from tonearm.transforms.audio.formats.claim import claim_of_data, is_unknown_size
from tonearm.transforms.audio.reader import AudioReader, open_audio

RATE_HZ = 44100
HEADER_BYTES = 44
UNKNOWN_TO_RECORDERS = {
    "0": 0,
    "largest": 0xFFFFFFFF,
    "largest_less_riff_header": 0xFFFFFFFF - 36,
    "largest_less_header": 0xFFFFFFFF - 44,
    "largest_in_whole_samples": 0xFFFFFFFC,
    "half": 0x7FFFFFFF,
    "half_less_riff_header": 0x7FFFFFFF - 36,
    "half_less_a_page": 0x7FFFF000,
    "sign_bit": 0x80000000,
    "sign_bit_and_header": 0x80000024,
}


def heard(data: bytes, tmp_path: Path) -> AudioReader:
    path = tmp_path / "track"
    path.write_bytes(data)
    with open_audio(path) as reader:
        for _ in reader.blocks():
            pass
    return reader


def made(kind: str, tmp_path: Path) -> bytearray:
    if kind in RARE_FILES:
        return bytearray(RARE_FILES[kind].make())
    return bytearray(write_audio(tmp_path / "made", kind, sweep(1.0)).read_bytes())


def assert_unknown(data: bytes, tmp_path: Path) -> None:
    reader = heard(data, tmp_path)
    assert (reader.info.duration_s, reader.truncated) == (None, False)
    assert reader.decoded_s == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("size", UNKNOWN_TO_RECORDERS.values(), ids=UNKNOWN_TO_RECORDERS)
@pytest.mark.parametrize(("kind", "layout", "chunk"), [("wav_16", "<I", b"data"), ("aiff_16", ">I", b"SSND")])
def test_a_size_that_nobody_knew_is_no_length(
    kind: str, layout: str, chunk: bytes, size: int, tmp_path: Path
) -> None:
    data = made(kind, tmp_path)
    struct.pack_into(layout, data, data.index(chunk) + 4, size)
    assert_unknown(bytes(data), tmp_path)


@pytest.mark.parametrize("size", [0, 0x7FFFFFFF, 0xFFFFFFFF])
def test_the_same_in_an_au(size: int, tmp_path: Path) -> None:
    sf.write(tmp_path / "made", sweep(1.0), RATE_HZ, format="AU", subtype="PCM_16")
    data = bytearray((tmp_path / "made").read_bytes())
    struct.pack_into(">I", data, 8, size)
    assert_unknown(bytes(data), tmp_path)


@pytest.mark.parametrize("size", [(1 << 63) - 1, (1 << 64) - 1, 0])
def test_the_same_in_64_bits(size: int, tmp_path: Path) -> None:
    data = made("w64", tmp_path)
    struct.pack_into("<Q", data, data.index(b"data") + 16, size)
    assert_unknown(bytes(data), tmp_path)


@pytest.mark.parametrize("size", [0x80000000, 0xFFFFFFFE, 0xFFFFFFFF - 36, 0x7FFFFFFF - 36])
@pytest.mark.parametrize(("kind", "order"), [("au", ">"), ("au_little", "<")])
def test_no_decoder_gives_up_at_the_size_of_an_au(kind: str, order: str, size: int, tmp_path: Path) -> None:
    data = bytearray(RARE_FILES[kind].make())
    struct.pack_into(f"{order}I", data, 8, size)
    reader = heard(bytes(data), tmp_path)
    assert (reader.info.duration_s, reader.truncated) == (None, False)
    assert reader.decoded_s == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("sizes", [0, (1 << 64) - 1])
def test_an_rf64_may_have_no_size_in_64_bits_either(sizes: int, tmp_path: Path) -> None:
    data = made("rf64", tmp_path)
    struct.pack_into("<QQQ", data, data.index(b"ds64") + 8, sizes, sizes, sizes)
    assert_unknown(bytes(data), tmp_path)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFFF])
def test_an_unknown_size_may_stand_in_big_endian_order(size: int, tmp_path: Path) -> None:
    sf.write(tmp_path / "made", sweep(1.0), RATE_HZ, format="WAV", subtype="PCM_16", endian="BIG")
    data = bytearray((tmp_path / "made").read_bytes())
    struct.pack_into(">I", data, data.index(b"data") + 4, size)
    assert_unknown(bytes(data), tmp_path)


@pytest.mark.parametrize("size", [0x7FFFFFFF, 0xFFFFFFFF, (1 << 63) - 1])
@pytest.mark.parametrize(
    ("kind", "layout", "field"), [("w64", "<Q", 16), ("caf_16", ">Q", 4)], ids=["w64", "caf"]
)
def test_a_wide_field_may_hold_the_largest_number_of_a_narrow_one(
    kind: str, layout: str, field: int, size: int, tmp_path: Path
) -> None:
    data = made(kind, tmp_path)
    struct.pack_into(layout, data, data.index(b"data") + field, size)
    assert_unknown(bytes(data), tmp_path)


def test_sox_writes_a_number_of_its_own_into_an_aiff(tmp_path: Path) -> None:
    data = made("aiff_16", tmp_path)
    struct.pack_into(">I", data, data.index(b"SSND") + 4, 0x7F000000 + 8)
    struct.pack_into(">I", data, data.index(b"COMM") + 10, 0x7F000000 // 4)
    assert_unknown(bytes(data), tmp_path)


def test_a_wma_that_was_sent_while_it_was_recorded_states_no_length(tmp_path: Path) -> None:
    data = made("wma", tmp_path)
    properties = data.index(bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365"))
    struct.pack_into("<I", data, properties + 88, 1)  # the broadcast flag
    struct.pack_into("<QQQ", data, properties + 56, 0, 0, 0)
    reader = heard(bytes(data), tmp_path)
    assert (reader.info.duration_s, reader.truncated) == (None, False)


def test_a_wavpack_of_unknown_length_states_none(tmp_path: Path) -> None:
    data = made("wavpack", tmp_path)
    struct.pack_into("<I", data, 12, 0xFFFFFFFF)
    reader = heard(bytes(data), tmp_path)
    assert (reader.info.duration_s, reader.truncated) == (None, False)


@pytest.mark.parametrize("name", [b"mdhd", b"mvhd"])
def test_a_length_of_years_is_refused_as_a_claim(name: bytes, tmp_path: Path) -> None:
    data = made("aac_m4a", tmp_path)
    struct.pack_into(">I", data, data.index(name) + 20, 0xFFFFFFFE)
    reader = heard(bytes(data), tmp_path)
    assert reader.info.duration_s is None or reader.info.duration_s < 2
    assert reader.decoded_s == pytest.approx(1.0, abs=0.1)
    assert not reader.truncated


def test_more_samples_than_a_flac_of_its_size_could_hold_are_no_claim(tmp_path: Path) -> None:
    data = made("flac", tmp_path)
    packed = int.from_bytes(data[18:26], "big") | (1 << 36) - 1
    data[18:26] = packed.to_bytes(8, "big")
    reader = heard(bytes(data), tmp_path)
    assert (reader.info.duration_s, reader.truncated) == (None, False)
    assert reader.decoded_s == pytest.approx(1.0)


@pytest.mark.parametrize(("field", "number"), [("frames", 0xFFFFFFFF), ("frames", 0), ("bytes", 99_999_999)])
def test_a_broken_header_of_an_mp3_is_only_a_header(field: str, number: int, tmp_path: Path) -> None:
    data = made("mp3", tmp_path)
    tag = max(data.find(b"Xing"), data.find(b"Info"))
    struct.pack_into(">I", data, tag + (8 if field == "frames" else 12), number)
    reader = heard(bytes(data), tmp_path)
    assert reader.info.duration_s is None or reader.info.duration_s == pytest.approx(1.0, abs=0.1)
    assert reader.decoded_s == pytest.approx(1.0, abs=0.1)
    assert not reader.truncated


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**33), st.sampled_from([0, 1, 2, 4, 6]))
def test_a_chunk_claims_what_it_holds_or_is_cut_or_unknown(
    data_bytes: int, size: int, block_bytes: int
) -> None:
    claim = claim_of_data(HEADER_BYTES, data_bytes, block_bytes, size)
    if claim.unknown:
        assert is_unknown_size(data_bytes, 32)
        assert (claim.samples, claim.cut) == (None, False)
    else:
        assert claim.samples == (data_bytes // block_bytes if block_bytes else None)
        assert claim.cut == (HEADER_BYTES + data_bytes > size + 64)


@given(st.integers(1, 0x7FFFE000))
def test_an_ordinary_size_is_known(announced: int) -> None:
    assert not is_unknown_size(announced, 32)
