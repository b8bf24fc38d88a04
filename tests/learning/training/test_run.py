"""Trainings from the call to the bundle: what comes out, and that it comes out the same."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.learning.training.planted_dataset import planted_splits, write_planted_dataset
from tests.learning.training.trainings import BrokenError, Listening, training_call
from tonearm.errors import StoppedError, WrongCallError
from tonearm.learning.training.checkpoints import CheckpointError
from tonearm.learning.training.run import train
from tonearm.models.bundles.calibration import PlattCalibration
from tonearm.models.bundles.loading import load_tagger

WEIGHTS = "short_chunk.safetensors"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_planted_dataset(tmp_path_factory.mktemp("sets") / "planted", planted_splits(20, 16, 4))


@pytest.fixture(scope="module")
def unbroken(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("unbroken") / "bundle"
    train(training_call(dataset, output), Listening())
    return output


def test_a_bundle_comes_out_and_nothing_else(unbroken: Path) -> None:
    tagger = load_tagger(str(unbroken))
    assert tagger.identity == "planted@1"
    assert [rule.tag for rule in tagger.tags] == ["flute", "organ", "piano"]
    assert all(isinstance(rule.calibration, PlattCalibration) for rule in tagger.tags)
    assert list(unbroken.parent.iterdir()) == [unbroken]
    told = json.loads((unbroken / "bundle.json").read_text())
    assert told["provenance"]["arguments"]["seed"] == 0
    assert told["metrics"]["validation"]["tracks"] == 16
    history = [json.loads(line) for line in (unbroken / "history.jsonl").read_text().splitlines()]
    assert [record["epoch"] for record in history] == [1, 2]


def test_the_same_call_gives_the_same_bytes_without_the_test_split(
    dataset: Path, unbroken: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(dataset, copy)
    shutil.rmtree(copy / "test")
    output = tmp_path / "bundle"
    train(training_call(copy, output), Listening())
    for name in (WEIGHTS, "bundle.json", "README.md", "DATASET.md"):
        assert (output / name).read_bytes() == (unbroken / name).read_bytes(), name


@pytest.mark.parametrize("step", [1, pytest.param(6, marks=pytest.mark.slow)])
def test_a_broken_training_goes_on_to_the_same_bytes(
    dataset: Path, unbroken: Path, tmp_path: Path, step: int
) -> None:
    output = tmp_path / "bundle"
    with pytest.raises(BrokenError):
        train(training_call(dataset, output, checkpoint_s=0.0), Listening(break_at=step))
    assert not output.exists()
    resumed = Listening()
    train(training_call(dataset, output, resume=True), resumed)
    assert resumed.first_step == step - 1
    assert (output / WEIGHTS).read_bytes() == (unbroken / WEIGHTS).read_bytes()
    assert (output / "bundle.json").read_bytes() == (unbroken / "bundle.json").read_bytes()


@pytest.mark.slow
def test_a_signal_stops_with_a_checkpoint_and_says_how_to_go_on(dataset: Path, tmp_path: Path) -> None:
    output = tmp_path / "bundle"
    with pytest.raises(StoppedError, match=r"up to step 3; the same call with --resume goes on"):
        train(training_call(dataset, output), Listening(stop_at=3))
    with pytest.raises(WrongCallError, match="go on with --resume"):
        train(training_call(dataset, output), Listening())
    with pytest.raises(CheckpointError, match="seed was 0 and is 1"):
        train(training_call(dataset, output, resume=True, seed=1), Listening())
    resumed = Listening()
    train(training_call(dataset, output, resume=True), resumed)
    assert resumed.first_step == 3
