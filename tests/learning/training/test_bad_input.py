"""What cannot be trained is told before a step is made, and nothing is left behind."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.learning.datasets.small_dataset import noise_track, write_small_dataset
from tests.learning.training.planted_dataset import (
    LABELS,
    planted_splits,
    planted_track,
    write_planted_dataset,
)
from tests.learning.training.trainings import Listening, no_file_longer_than, training_call
from tonearm.errors import EXIT_BROKEN, EXIT_WRONG_CALL, TonearmError
from tonearm.learning.datasets.track import DatasetTrack
from tonearm.learning.labelled.track import Split
from tonearm.learning.training.run import train
from tonearm.learning.training.start import base_of
from tonearm.models.bundles.loading import load_tagger
from tonearm.pipelines.main import run

Splits = dict[Split, Sequence[DatasetTrack]]


def splits_with(labels_of: Callable[[int], Sequence[int]], label_count: int = len(LABELS)) -> Splits:
    """Tracks of which a function says the labels, by their number."""
    return {
        Split.TRAIN: [planted_track(number, labels=labels_of(number)) for number in range(8)],
        Split.VALIDATION: [planted_track(number, labels=labels_of(number)) for number in range(8, 16)],
    }


def without_train(folder: Path) -> Path:
    return write_planted_dataset(folder, {**planted_splits(4, 4), Split.TRAIN: []})


def split_by_track(folder: Path) -> Path:
    tracks = planted_splits(8, 8)
    leaking = [replace(track, group="Bach") for track in tracks[Split.VALIDATION]]
    taught = [*tracks[Split.TRAIN][:7], replace(tracks[Split.TRAIN][7], group="Bach")]
    return write_planted_dataset(folder, {Split.TRAIN: taught, Split.VALIDATION: leaking})


def same_audio(folder: Path) -> Path:
    tracks = planted_splits(8, 8)
    twice = replace(tracks[Split.VALIDATION][0], content_sha256=tracks[Split.TRAIN][0].content_sha256)
    return write_planted_dataset(folder, {**tracks, Split.VALIDATION: [twice, *tracks[Split.VALIDATION][1:]]})


def without_validation(folder: Path) -> Path:
    return write_planted_dataset(folder, {**planted_splits(4, 4), Split.VALIDATION: []})


def one_label(folder: Path) -> Path:
    tracks = splits_with(lambda number: [1 if number % 2 else -1])
    return write_planted_dataset(folder, tracks, labels=["flute"])


def no_positive(folder: Path) -> Path:
    return write_planted_dataset(folder, splits_with(lambda number: [1 if number % 2 else -1, -1, 0]))


def all_positive(folder: Path) -> Path:
    return write_planted_dataset(folder, splits_with(lambda number: [1, 1, 1 if number % 2 else -1]))


def too_small_patches(folder: Path) -> Path:
    tracks = [noise_track(number, [1 if number % 2 else -1] * 3) for number in range(8)]
    return write_small_dataset(folder, {Split.TRAIN: [tracks[:4]], Split.VALIDATION: [tracks[4:]]}, LABELS)


def not_finite(folder: Path) -> Path:
    tracks = planted_splits(8, 8)
    broken = replace(tracks[Split.TRAIN][3], patches=np.full((2, 32, 32), np.nan, np.float32))
    return write_planted_dataset(folder, {**tracks, Split.TRAIN: [*tracks[Split.TRAIN][:3], broken]})


def damaged(folder: Path) -> Path:
    write_planted_dataset(folder, planted_splits(8, 8))
    (shard,) = (folder / "validation").iterdir()
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 255
    shard.write_bytes(content)
    return folder


def one_patch(folder: Path) -> Path:
    tracks = planted_splits(8, 8)
    first = tracks[Split.TRAIN][0]
    alone = replace(first, patches=first.patches[:1], starts_s=first.starts_s[:1])
    return write_planted_dataset(folder, {**tracks, Split.TRAIN: [alone]})


def missing(folder: Path) -> Path:
    write_planted_dataset(folder, planted_splits(8, 8))
    shutil.rmtree(folder / "validation")
    return folder


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (without_train, "no tracks for train"),
        (without_validation, "no tracks for validation"),
        (split_by_track, "1 groups are in train and in validation, such as Bach: split by group"),
        (same_audio, "1 audio files are in train and in validation"),
        (one_label, "2 labels or more"),
        (no_positive, r"none has it in validation: organ, piano.*--min_positives"),
        (all_positive, "known to be without the label .*: flute, organ"),
        (
            too_small_patches,
            "cannot take the data set's patches: patch_frames must be 32 or more",
        ),
        (not_finite, "the track t3 has no patches, or some that are not finite"),
        (damaged, "is damaged or another file: its SHA-256"),
        (one_patch, "the train split has a single patch"),
        (missing, "is missing: build the data set anew"),
    ],
)
def test_a_data_set_that_will_not_do(tmp_path: Path, made: Callable[[Path], Path], told: str) -> None:
    dataset = made(tmp_path / "set")
    refused(training_call(dataset, tmp_path / "bundle"), told)


def refused(call: Any, told: str) -> None:
    listener = Listening()
    with pytest.raises(TonearmError, match=told) as caught:
        train(call, listener)
    assert caught.value.exit_code == EXIT_WRONG_CALL
    assert listener.steps == 0
    assert not list(call.output.parent.glob("bundle*"))


def test_a_bundle_with_another_front_end(tmp_path: Path) -> None:
    dataset = write_planted_dataset(tmp_path / "set", planted_splits(8, 8))
    base = base_of(load_tagger("musicnn"), "mtt", None)
    refused(
        training_call(dataset, tmp_path / "bundle", base=base, architecture="musicnn"),
        "built with the front end 2e7df654f08f, and the bundle has 98e098809151",
    )


def test_a_batch_of_one_patch(tmp_path: Path) -> None:
    dataset = write_planted_dataset(tmp_path / "set", planted_splits(8, 8))
    refused(training_call(dataset, tmp_path / "bundle", batch=1), "--batch must be 2 or more")


@pytest.mark.slow
def test_a_training_that_diverges_is_told(tmp_path: Path) -> None:
    dataset = write_planted_dataset(tmp_path / "set", planted_splits(8, 8))
    with pytest.raises(TonearmError, match="begin anew with a lower --learning_rate"):
        train(
            training_call(dataset, tmp_path / "bundle", epochs=1, batch=16, learning_rate=1e30), Listening()
        )


@pytest.mark.slow
def test_a_full_disk_is_found_before_a_step(tmp_path: Path) -> None:
    dataset = write_planted_dataset(tmp_path / "set", planted_splits(8, 8))
    listener = Listening()
    with no_file_longer_than(1_000_000), pytest.raises(TonearmError, match="cannot be written") as caught:
        train(training_call(dataset, tmp_path / "bundle"), listener)
    assert caught.value.exit_code == EXIT_BROKEN
    assert listener.steps == 0
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_what_is_there_is_not_replaced(tmp_path: Path) -> None:
    dataset = write_planted_dataset(tmp_path / "set", planted_splits(8, 8))
    (tmp_path / "there").mkdir()
    listener = Listening()
    with pytest.raises(TonearmError, match="is there already"):
        train(training_call(dataset, tmp_path / "there", resume=True), listener)
    assert listener.steps == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "one of the arguments --facet --facets is required"),
        (("--facet", "instrument", "--tune", "head"), "name the bundle with --from"),
        (("--facet", "instrument", "--from", "musicnn"), "networks with --network: mtt, msd"),
        (("--facet", "instrument", "--from", "musicnn", "--network", "x"), "--network: mtt, msd"),
        (("--facet", "instrument", "--from", "nowhere"), "Cannot read bundle.json"),
        (("--facet", "instrument", "--architecture", "short_chunk", "--from", "musicnn", "--network", "mtt"),
         "is of the architecture musicnn"),
        (("--facets", "nowhere.csv"), "nowhere.csv is not there"),
        (("--facet", "instrument", "--epochs", "0"), "0 is not a whole number above 0"),
        (("--facet", "instrument"), "holds no data set"),
    ],
)  # fmt: skip
def test_a_wrong_call(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: Sequence[str], told: str
) -> None:
    code = run(["train", str(tmp_path), "--output", str(tmp_path / "bundle"), *arguments])
    assert code == EXIT_WRONG_CALL
    assert told in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_weights_to_begin_with_that_are_damaged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = tmp_path / "copy"
    shutil.copytree(load_tagger("musicnn").folder, bundle)
    weights = bytearray((bundle / "mtt.safetensors").read_bytes())
    weights[-5] ^= 1
    (bundle / "mtt.safetensors").write_bytes(weights)
    call = ["train", str(tmp_path), "--output", str(tmp_path / "bundle"), "--facet", "instrument"]
    assert run([*call, "--from", str(bundle), "--network", "mtt"]) == EXIT_WRONG_CALL
    assert "its SHA-256 differs" in capsys.readouterr().err
