"""The page on spectrograms: its table of keys is that of the code, and its code does what it says."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from tests.audio_files import sweep
from tests.catalog import tonearm
from tonearm.models.front_end import FrontEnd
from tonearm.transforms.features.spectrogram import spectrogram_of
from tonearm.transforms.spectrograms.keys import KEYS
from tonearm.transforms.spectrograms.npz_form import NpzForm
from tonearm.transforms.spectrograms.record import SpectrogramRecord

PAGE = (Path(__file__).parents[3] / "docs" / "spectrograms.md").read_text()


def code_under(heading: str) -> str:
    _, _, section = PAGE.partition(f"## {heading}\n")
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found
    return found[1]


def read_npz(path: Path) -> SpectrogramRecord:
    with path.open("rb") as file:
        return NpzForm().read(file, 0)


def test_every_key_is_on_the_page() -> None:
    for key in KEYS:
        missing = "" if key.required else "; may be missing"
        assert f"| `{key.name}` | {key.kind}: {key.meaning}{missing} |\n" in PAGE


def test_numpy_alone_makes_the_same_patches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    samples = sweep(10.0, rate_hz=16000, from_hz=100.0, to_hz=7000.0).mean(axis=1, dtype=np.float32)

    exec(code_under("With NumPy alone"), {"samples": samples})

    record, expected = read_npz(tmp_path / "track-1.npz"), spectrogram_of([samples], FrontEnd())
    assert (record.fingerprint, record.front_end) == (FrontEnd().fingerprint, FrontEnd())
    assert np.array_equal(record.starts_s, expected.starts_s)
    assert record.analyzed_s == pytest.approx(expected.analyzed_s)
    assert record.patches.dtype == np.float16
    assert np.abs(record.patches.astype(np.float32) - expected.patches).max() < 2e-3
    assert record.metadata == {"title": "Greensleeves"}


def test_files_of_many_tracks_become_files_of_one(
    songs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert tonearm("spectrograms", songs, "--output", "spectrograms") == 0

    exec(code_under("From one form to another"))

    names = {Path(read_npz(path).uri).name for path in tmp_path.glob("*.npz")}
    assert names == {song.name for song in songs.iterdir()}
