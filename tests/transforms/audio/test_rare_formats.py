"""Files of the rarer formats are told by their content and decoded; what has no decoder is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.audio_files import wav_header
from tests.rare_audio_files import RARE_FILES, SECONDS, by_ffmpeg, by_libsndfile, dsf
from tonearm.transforms.audio.formats.registry import FORMATS
from tonearm.transforms.audio.identification import identify_file
from tonearm.transforms.audio.reader import open_audio
from tonearm.transforms.audio.resampling import resampled
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import TrackError

LONGEST_PADDING_S = 0.2
QUIET = 0.01
MOST_BLOCK_BYTES = 4 << 20


@pytest.mark.parametrize("kind", RARE_FILES)
def test_a_rare_format_is_recognised_and_heard_whole(kind: str, tmp_path: Path) -> None:
    rare, path = RARE_FILES[kind], tmp_path / "track"
    data = rare.make()
    path.write_bytes(data)
    identified = identify_file(lambda offset, length: data[offset : offset + length], len(data))
    assert identified is not None
    assert identified.audio_format.name == rare.audio_format
    with open_audio(path) as reader:
        signal = np.concatenate([block.samples for block in reader.blocks()])
    assert reader.info.codec == rare.codec
    assert SECONDS - 0.05 < reader.decoded_s < SECONDS + LONGEST_PADDING_S
    assert reader.info.duration_s is None or abs(reader.info.duration_s - SECONDS) < LONGEST_PADDING_S
    assert not reader.truncated
    assert (np.abs(signal).max() > QUIET) is not rare.silent


CUT_AS_THEY_ARE = (
    *("dsf", "dff", "au", "ac3", "dts", "loas", "amr", "sox", "voc", "svx", "avi", "flv", "adx"),
    *("nist", "avr", "htk", "matlab_4", "matlab_5", "matlab_5_little", "mpc2000", "psion_wve"),
)

CUT = {
    "tta": by_ffmpeg("tta", "tta", seconds=3.0),
    "wavpack": by_ffmpeg("wv", "wavpack", seconds=3.0),
    "ast": by_ffmpeg("ast", "pcm_s16be_planar", seconds=3.0),
    "argo_asf": by_ffmpeg("argo_asf", "adpcm_argo", seconds=3.0),
    "apm": by_ffmpeg("apm", "adpcm_ima_apm", seconds=3.0),
    "smaf": by_ffmpeg("mmf", "adpcm_yamaha", rate_hz=22050, channels=1),
    "voc_of_many_blocks": by_ffmpeg("voc", "pcm_u8", seconds=3.0),
    "nist_mulaw": by_libsndfile("NIST", "ULAW"),
    "matlab_4_double": by_libsndfile("MAT4", "DOUBLE", endian="BIG"),
    "matlab_5_float": by_libsndfile("MAT5", "FLOAT"),
    "avr_8": by_libsndfile("AVR", "PCM_U8", channels=1),
    **{kind: RARE_FILES[kind].make for kind in CUT_AS_THEY_ARE},
}


@pytest.mark.parametrize("make", CUT.values(), ids=CUT)
def test_a_rare_format_that_is_cut_says_so(make: Callable[[], bytes], tmp_path: Path) -> None:
    whole, path = make(), tmp_path / "track"
    for share, truncated in ((1.0, False), (0.6, True), (0.9, True)):
        path.write_bytes(whole[: round(len(whole) * share) | 1])
        with open_audio(path) as reader:
            assert sum(len(block.samples) for block in reader.blocks()) > 0
        assert reader.truncated is truncated


@pytest.mark.parametrize(("offset", "number"), [(5, 0x34), (9, 0xF6)])
def test_an_adx_that_ffmpeg_would_die_of_is_not_shown_to_it(offset: int, number: int, tmp_path: Path) -> None:
    content = bytearray(RARE_FILES["adx"].make())
    content[offset] = number
    path = tmp_path / "track"
    path.write_bytes(content)
    with pytest.raises(TrackError):
        open_audio(path)


@pytest.mark.parametrize("oversampling", [64, 128, 256, 512])
def test_dsd_of_any_rate_is_heard_in_little_memory(oversampling: int, tmp_path: Path) -> None:
    path = tmp_path / "track"
    path.write_bytes(dsf(oversampling))
    with open_audio(path) as reader:
        blocks = list(reader.blocks())
    assert reader.info.sample_rate_hz == 44100 * oversampling // 8
    assert reader.decoded_s == pytest.approx(SECONDS, abs=0.02)
    assert not reader.truncated
    assert max(block.samples.nbytes for block in blocks) < MOST_BLOCK_BYTES
    assert np.abs(np.concatenate(list(resampled(blocks, 16000)))).max() > QUIET


SAMPLES_OF_UNDECODABLE = {
    "optimfrog": b"OFR \x0f\0\0\0",
    "lossless_audio": b"LA04",
    "ac4": b"\xac\x40\x00\x20",
    "tta2": b"TTA2",
    "codec2": b"\xc0\xde\xc2\x00",
    "sid": b"PSID\x00\x02\x00\x7c",
    "musepack_4": b"MP+\x04",
    "wavpack_3": wav_header(data_bytes=0xFFFF) + b"wvpk\x1c\0\0\0\x03\0",
}


@pytest.mark.parametrize(("name", "start"), SAMPLES_OF_UNDECODABLE.items())
def test_what_has_no_decoder_is_undecodable_and_named(name: str, start: bytes, tmp_path: Path) -> None:
    path = tmp_path / "track"
    path.write_bytes(start + np.random.default_rng(3).bytes(9000))
    with pytest.raises(TrackError) as caught:
        open_audio(path)
    (audio_format,) = (known for known in FORMATS if known.name == name)
    assert caught.value.error is ErrorWord.UNDECODABLE
    assert audio_format.title in caught.value.message
