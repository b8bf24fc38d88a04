"""Clips and their manifest: splits by piece, spread of polyphony, the same twice."""

import shutil
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from examples.instruments import clips
from examples.instruments.clips import render_clips
from examples.instruments.music.arrangement import CLIP_S, Arrangement
from examples.instruments.orders import orders_of
from examples.instruments.sound.packages import MissingPackagesError, require_packages
from tests.examples.instruments.pieces import four_part_piece, melody
from tonearm.learning.labelled.track import LabelledTrack
from tonearm.learning.labelled.writing import write_labelled

PIECES = [
    *(four_part_piece(name) for name in ("bwv1", "bwv2", "bwv3", "bwv7", "bwv13", "bwv17")),
    *(melody(name) for name in ("reel", "reel3", "reel7")),
]


def _beep(arrangement: Arrangement) -> npt.NDArray[np.float32]:
    pitch = sum(len(voice.notes) for voice in arrangement.voices)
    mono = np.sin(np.arange(8_000) * pitch / 100)
    return np.stack([mono, mono], axis=1).astype(np.float32)


@pytest.fixture
def without_soundfonts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clips, "_player", lambda font, rate_hz, stack: _beep)
    monkeypatch.setattr(clips, "patches_of", lambda path: frozenset(range(128)))


def _render(folder: Path, seed: int = 0) -> list[LabelledTrack]:
    return list(render_clips(orders_of(train=30, validation=12, test=12), PIECES, folder, seed))


@pytest.mark.usefixtures("without_soundfonts")
def test_no_piece_stands_in_two_splits_and_freepats_is_for_tests_alone(tmp_path: Path) -> None:
    tracks = _render(tmp_path)
    groups = {split: {track.group for track in tracks if track.split == split} for split in ("train", "test")}
    assert groups["train"] and groups["test"] and not groups["train"] & groups["test"]
    assert all(group.endswith("7") for group in groups["test"])
    assert {track.split for track in tracks if track.metadata["font"] == "freepats"} == {"test"}
    assert len({track.track_id for track in tracks}) == len(tracks)


@pytest.mark.usefixtures("without_soundfonts")
def test_polyphony_is_spread_evenly_and_drums_play_in_a_third(tmp_path: Path) -> None:
    tracks = [
        track for track in _render(tmp_path) if track.split == "test" and track.metadata["font"] == "timgm"
    ]
    parts = {"1", "2", "3", "4"}
    by_polyphony = {
        part: [
            track for track in tracks if track.metadata["part_by_polyphony"] == f"trained families, {part}"
        ]
        for part in parts
    }
    assert {part: len(some) for part, some in by_polyphony.items()} == dict.fromkeys(parts, 3)
    for some in by_polyphony.values():
        assert sum(track.labels.value_of("drums") > 0 for track in some) == 1


@pytest.mark.usefixtures("without_soundfonts")
def test_the_same_seed_gives_the_same_files_and_the_same_manifest(tmp_path: Path) -> None:
    folder = tmp_path / "clips"
    outcomes = []
    for seed in (0, 0, 1):
        tracks = _render(folder, seed)
        write_labelled(tracks, str(tmp_path / "manifest.csv"))
        manifest = (tmp_path / "manifest.csv").read_bytes()
        outcomes.append((manifest, [Path(track.uri).read_bytes() for track in tracks]))
        shutil.rmtree(folder)
    assert outcomes[0] == outcomes[1] != outcomes[2]


def test_missing_packages_are_named_with_the_command_that_installs_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shutil, "which", lambda command: None)
    with pytest.raises(MissingPackagesError, match=r"^apt-get install .*fluidsynth.* timidity"):
        require_packages()


@pytest.mark.slow  # loads the soundfonts of Debian's packages
def test_soundfonts_play_what_is_ordered_and_the_same_twice(tmp_path: Path) -> None:
    try:
        require_packages()
    except MissingPackagesError as error:
        pytest.skip(str(error))
    orders = orders_of(train=20, validation=3, test=4)
    heard = []
    for folder in (tmp_path / "once", tmp_path / "again"):
        tracks = list(render_clips(orders, PIECES, folder, seed=0))
        heard.append([soundfile.read(track.uri, dtype="float32") for track in tracks])
    for (sound, rate_hz), (again, _) in zip(*heard, strict=True):
        assert len(sound) == CLIP_S * rate_hz and 0.09 < np.abs(sound).max() <= 1.0
        assert np.array_equal(sound, again)
