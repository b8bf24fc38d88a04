"""Files of the rarer formats are told by their content and decoded; what has no decoder is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.rare_audio_files import RARE_FILES, SECONDS, by_ffmpeg
from tonearm.transforms.audio.formats.registry import FORMATS
from tonearm.transforms.audio.identification import identify_file
from tonearm.transforms.audio.reader import open_audio
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import TrackError

LONGEST_PADDING_S = 0.2
QUIET = 0.01


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


CUT = {
    "tta": by_ffmpeg("tta", "tta", seconds=3.0),
    "wavpack": by_ffmpeg("wv", "wavpack", seconds=3.0),
    **{
        kind: RARE_FILES[kind].make
        for kind in ("dsf", "dff", "au", "ac3", "dts", "loas", "amr", "sox", "voc", "svx", "avi", "flv")
    },
}


@pytest.mark.parametrize("make", CUT.values(), ids=CUT)
def test_a_rare_format_that_is_cut_says_so(make: Callable[[], bytes], tmp_path: Path) -> None:
    whole, path = make(), tmp_path / "track"
    path.write_bytes(whole[: len(whole) * 6 // 10 + 1])
    with open_audio(path) as reader:
        assert sum(len(block.samples) for block in reader.blocks()) > 0
    assert reader.truncated


SAMPLES_OF_UNDECODABLE = {
    "optimfrog": b"OFR \x0f\0\0\0",
    "lossless_audio": b"LA04",
    "ac4": b"\xac\x40\x00\x20",
    "tta2": b"TTA2",
    "codec2": b"\xc0\xde\xc2\x00",
    "sid": b"PSID\x00\x02\x00\x7c",
    "musepack_4": b"MP+\x04",
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
