"""`tonearm dataset build`: what is in the data set, what is refused, what a second call makes of a first."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.catalog import files_below, query, tonearm, write_song
from tests.labelled_songs import built_tracks, files_of, labelled_songs, song_row, write_songs
from tonearm.learning.building.folder import BuildFolder
from tonearm.learning.datasets import writing
from tonearm.learning.labelled.track import Split
from tonearm.transforms.features.prepared import PreparedTrack
from tonearm.transforms.tables.holding.hold import held
from tonearm.transforms.tables.holding.holder import Holder
from tonearm.transforms.tagging.inference import TaggerHandler

SPLITS = ("train", "train", "train", "train", "validation", "validation", "test", "test")


@pytest.fixture(scope="module")
def audio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight songs; to be read, not changed."""
    return write_songs(tmp_path_factory.mktemp("audio"), len(SPLITS))


@pytest.fixture
def folder(audio: Path, tmp_path: Path) -> Path:
    """A folder of one's own with the songs."""
    folder = tmp_path / "music"
    folder.mkdir()
    for song in audio.iterdir():
        os.link(song, folder / song.name)
    return folder


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Where the data set goes; not made yet."""
    return tmp_path / "dataset"


def rows() -> list[dict[str, str]]:
    return [song_row(number, split=split) for number, split in enumerate(SPLITS)]


def build(manifest: Path, dataset: Path, *options: str | Path) -> int:
    return tonearm("dataset", "build", manifest, "--output", dataset, *options)


def description_of(dataset: Path) -> Any:
    return json.loads((dataset / "dataset.json").read_text())


def test_patches_are_those_that_ingestion_shows_the_network(
    tmp_path: Path, dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, seconds in enumerate((0.5, 20.0, 52.0)):
        write_song(tmp_path / f"{number}.flac", seconds=seconds)
    manifest = labelled_songs(tmp_path, *(song_row(number) for number in range(3)))
    shown: dict[str, PreparedTrack] = {}

    def infer(self: TaggerHandler, batch: Sequence[PreparedTrack], *_: object) -> Iterator[object]:
        shown.update({prepared.track.track_id: prepared for prepared in batch})
        yield from ()

    monkeypatch.setattr(TaggerHandler, "run_inference", infer)
    assert tonearm("ingest", manifest, "--output", tmp_path / "tags") == 1  # nothing is tagged
    assert build(manifest, dataset, "--validation", "0", "--test", "0", "--patches_per_track", "4") == 0
    built = built_tracks(dataset)
    for track_id, kept in {"t0": [0], "t1": [0, 2, 3, 5], "t2": [2, 6, 10, 14]}.items():
        spectrogram, track = shown[track_id].spectrogram, built[track_id]
        assert track.patches.tobytes() == spectrogram.patches[kept].tobytes()
        assert track.starts_s.tolist() == spectrogram.starts_s[kept].tolist()
        assert track.content_sha256 == shown[track_id].facts.content_sha256


def test_every_track_is_accounted_for(
    folder: Path, dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "noise.flac").write_bytes(b"no audio at all" * 100)
    soundfile.write(folder / "nan.wav", np.full(8000, np.nan, np.float32), 16_000, subtype="FLOAT")
    manifest = labelled_songs(
        folder,
        *rows(),
        song_row(8, training_opt_in="false"),
        song_row(9, training_opt_in="", uri="0.flac"),
        song_row(10, labels="piano; piano=-"),
        song_row(11, uri="noise.flac"),
        song_row(12, uri="nan.wav"),
        song_row(13, uri="gone.flac"),
        song_row(14, uri="1.flac", labels="cello=0"),
        song_row(15, uri="2.flac", labels="piano; drums=0"),
    )
    assert build(manifest, dataset) == 0
    told, tracks = description_of(dataset), built_tracks(dataset)
    counts = {"seen": 16, "written": 8, "without_consent": 3, "without_labels": 1, "failed": 4}
    assert told["counts"] == counts
    assert told["consent"] == {"missing": 2, "contradicted": 1}
    words = {"decode/non_finite": 1, "decode/not_audio": 1, "fetch/not_found": 1, "source/invalid_row": 1}
    assert told["failed"] == words
    failures = query("select track_id, uri, manifest_row, error from '{output}/failures.parquet'", dataset)
    assert [row["manifest_row"] for row in failures] == [11, 12, 13, 14]
    assert failures[2] == {"track_id": "t12", "uri": "nan.wav", "manifest_row": 13, "error": "non_finite"}
    assert sorted(tracks) == ["t1", "t15", *(f"t{number}" for number in range(2, 8))]
    track = tracks["t15"]
    assert (track.labels.tolist(), told["labels"]) == ([0, 1], ["drums", "piano"])
    assert (track.manifest, track.manifest_row, track.licence) == ("labelled.csv", 16, "CC BY 4.0")
    assert (track.uri, track.metadata, track.codec) == (
        str(folder / "2.flac"),
        {"artist": "a15", "year": "1999"},
        "flac",
    )
    assert [told["splits"][split]["tracks"] for split in Split] == [4, 2, 2]
    assert told["splits"]["train"]["labels"]["drums"] == {"positive": 1, "negative": 2, "unknown": 1}
    printed = capsys.readouterr().out
    assert "seen 16 = written 8 + without consent 3 + without labels 1 + failed 4" in printed
    assert "failed, decode/non_finite: 1" in printed
    assert told["digest"] in printed


def test_the_same_songs_give_the_same_bytes_wherever_they_lie(
    folder: Path, dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert build(labelled_songs(folder, *rows()), dataset) == 0
    shutil.copytree(folder, tmp_path / "elsewhere" / "deep", dirs_exist_ok=True)
    manifest = tmp_path / "elsewhere" / "deep" / "labelled.csv"
    again = tmp_path / "again"
    assert build(manifest, again, "--direct_num_workers", "1") == 0
    assert files_of(again) == files_of(dataset)
    capsys.readouterr()
    assert build(manifest, dataset, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["location"], told["digest"]) == (str(dataset), description_of(dataset)["digest"])
    assert build(manifest, dataset, "--patches_per_track", "3") == 2
    assert "was built from other options: choose another --output" in capsys.readouterr().err
    next((dataset / "train").iterdir()).unlink()
    assert build(manifest, dataset) == 2
    assert "is missing: build the data set anew" in capsys.readouterr().err


def test_what_a_broken_build_has_written_is_kept(
    folder: Path,
    dataset: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    manifest, whole = labelled_songs(folder, *rows()), tmp_path / "whole"
    assert build(manifest, whole) == 0
    written: list[str] = []
    write = writing.write_object

    def fill_the_disk(location: str, content: Any) -> None:
        if "shard-" in location:
            if written:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), location)
            written.append(location)
        write(location, content)

    monkeypatch.setattr(writing, "write_object", fill_the_disk)
    assert build(manifest, dataset, "--direct_num_workers", "1") == 1
    assert "No space left on device" in capfd.readouterr().err
    assert not (dataset / "dataset.json").exists()
    (first,) = dataset.rglob("shard-*")
    kept_since = first.stat().st_mtime_ns
    (dataset / "train" / ".0123456789abcdef.part").write_bytes(b"half")
    (dataset / "test").mkdir(exist_ok=True)
    (dataset / "test" / "shard-0123.parquet").write_bytes(b"of other tracks")
    monkeypatch.undo()
    assert build(manifest, dataset) == 0
    assert first.stat().st_mtime_ns == kept_since
    assert files_of(dataset) == files_of(whole)


@pytest.mark.slow
def test_audio_that_changed_since_is_read_again(
    folder: Path, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = labelled_songs(folder, *rows())
    with monkeypatch.context() as patched:
        patched.setattr("tonearm.pipelines.build.complete", lambda *_: {"counts": {}}["broken"])
        assert build(manifest, dataset) == 1
    (folder / "0.flac").unlink()
    write_song(folder / "0.flac", seconds=1.0, from_hz=900.0)
    assert build(manifest, dataset) == 0
    assert built_tracks(dataset)["t0"].duration_s == pytest.approx(1.0)
    assert build(manifest, tmp_path / "new") == 0
    assert files_of(dataset) == files_of(tmp_path / "new")


@pytest.mark.parametrize(
    ("changed", "options", "told"),
    [
        ({"training_opt_in": "false"}, (), "lack training_opt_in = true"),
        ({"labels": "piano; *=-"}, (), "no label can be learned, and a tagger needs 2: piano: no training"),
        ({"labels": "piano; drums"}, (), "write *=- where its list is complete"),
        ({}, ("--labels", "piano; cello"), "is said to have or lack 'cello'"),
        ({}, ("--labels", "piano"), "'piano' is the only label that can be learned"),
        ({"artist": "Ada"}, (), "group 'Ada' is in train"),
        ({"uri": "0.flac"}, (), "are the same audio: what is tested would have been trained on"),
        ({"split": "test"}, (), "none is left to train on"),
        ({"uri": "gone.flac", "split": "", "artist": "x"}, ("--validation", "0", "--test", "0"), "not_found"),
        ({}, ("--validation", "0.5", "--test", "0.5"), "leave nothing to train on"),
        ({}, ("--tagger", "musicnn", "--front_end", "f.json"), "each name a front end"),
        ({}, ("--front_end", "gone.json"), "gone.json: no such file"),
    ],
)
def test_what_cannot_be_built_is_told_and_leaves_nothing(
    folder: Path,
    dataset: Path,
    changed: dict[str, str],
    options: tuple[str, ...],
    told: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    manifest = labelled_songs(folder, *({**row, **changed} for row in rows()))
    assert build(manifest, dataset, *options) == (1 if told == "not_found" else 2)
    assert told in capsys.readouterr().err
    assert not dataset.exists() or files_below(dataset) == []


def test_the_same_audio_on_both_sides_is_found_by_its_bytes(
    folder: Path, dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(folder / "0.flac", folder / "copy.flac")
    manifest = labelled_songs(folder, *rows(), song_row(8, uri="copy.flac", split="test"))
    assert build(manifest, dataset) == 2
    assert "t0 in train and t8 in test are the same audio" in capsys.readouterr().err
    assert files_below(dataset) == []


def test_too_many_failures_make_no_data_set(
    folder: Path, dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = labelled_songs(folder, *rows(), song_row(8, uri="gone.flac"))
    assert build(manifest, dataset, "--max_failed_fraction", "0.1") == 1
    assert "1 of 9 tracks failed, more than --max_failed_fraction 0.1, such as t8" in capsys.readouterr().err
    assert not (dataset / "dataset.json").exists()
    write_song(folder / "gone.flac", seconds=0.5, from_hz=1000.0)
    assert build(manifest, dataset, "--max_failed_fraction", "0.1") == 0
    assert "t8" in built_tracks(dataset)


def occupy(dataset: Path) -> None:
    dataset.mkdir()
    (dataset / "notes.txt").write_text("mine")


def break_the_description(dataset: Path) -> None:
    dataset.mkdir()
    (dataset / "dataset.json").write_text("{")


@pytest.mark.parametrize(
    ("prepare", "told"),
    [
        (occupy, "holds notes.txt, which is of no data set: choose a folder of its own"),
        (break_the_description, "is cut, or describes no data set: move it away"),
        (Path.touch, "cannot be a folder"),
    ],
)
def test_a_folder_with_something_else_is_left_alone(
    folder: Path,
    dataset: Path,
    prepare: Callable[[Path], None],
    told: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    prepare(dataset)
    before = files_below(dataset)
    assert build(labelled_songs(folder, *rows()), dataset) == 2
    assert told in capsys.readouterr().err
    assert files_below(dataset) == before


def test_of_two_builds_at_one_time_one_is_refused(
    folder: Path, dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with held(BuildFolder(str(dataset)), Holder.here("20260314T120000-other", "batch")):
        assert build(labelled_songs(folder, *rows()), dataset) == 2
    assert "run 20260314T120000-other (batch)" in capsys.readouterr().err


def test_a_front_end_of_ones_own(folder: Path, dataset: Path) -> None:
    settings = {**description_settings(), "patch_frames": 20, "patch_hop_frames": 10, "mel_bands": 32}
    (folder / "front_end.json").write_text(json.dumps(settings))
    assert build(labelled_songs(folder, *rows()), dataset, "--front_end", folder / "front_end.json") == 0
    assert description_of(dataset)["front_end"]["settings"] == settings
    assert built_tracks(dataset)["t0"].patches.shape == (2, 20, 32)


def description_settings() -> dict[str, Any]:
    from tonearm.learning.datasets.description import front_end_told
    from tonearm.models.front_end import FrontEnd

    return dict(front_end_told(FrontEnd())["settings"])
