"""Checkpoints: whole or not there, read without running anything, refused if of another training."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests.learning.training.trainings import no_file_longer_than
from tonearm.errors import WrongCallError
from tonearm.learning.training.checkpoints import (
    CheckpointError,
    WorkFolderError,
    load_checkpoint,
    locked,
    save_checkpoint,
)
from tonearm.learning.training.settings import TrainingSettings
from tonearm.learning.training.state import StateError, TrainingState

ARGUMENTS = {"dataset": "a1", "seed": 0, "threads": 1, "labels": ["flute", "organ"]}


def checkpoint_in(folder: Path) -> Path:
    (path,) = folder.glob("checkpoint-*.pt")
    return path


def put(folder: Path, content: bytes) -> Path:
    """Place a checkpoint whose name is right whatever it holds."""
    path = folder / f"checkpoint-1-{sha256(content).hexdigest()[:16]}.pt"
    path.write_bytes(content)
    return path


def saved(content: Any) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def test_the_newest_one_is_read_and_alone_there(tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path, ARGUMENTS) is None
    for step in (0, 9, 10):
        save_checkpoint(tmp_path, step, ARGUMENTS, {"state": {"step": step, "weights": torch.arange(3.0)}})
    found = load_checkpoint(tmp_path, ARGUMENTS)
    assert found is not None and found["state"]["step"] == 10
    assert found["state"]["weights"].tolist() == [0.0, 1.0, 2.0]
    checkpoint_in(tmp_path)


def test_a_full_disk_costs_no_checkpoint(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, 1, ARGUMENTS, {"state": 1})
    before = checkpoint_in(tmp_path)
    with no_file_longer_than(100), pytest.raises(WorkFolderError, match=r"cannot be written: .*--resume"):
        save_checkpoint(tmp_path, 2, ARGUMENTS, {"state": 2})
    assert list(tmp_path.iterdir()) == [before]
    found = load_checkpoint(tmp_path, ARGUMENTS)
    assert found is not None and found["state"] == 1


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"dataset": "b2"}, "dataset was a1 and is b2"),
        ({"threads": 2}, "threads was 1 and is 2"),
        ({"labels": ["flute"]}, "labels was"),
        ({"further": True}, "further was not given and is True"),
    ],
)
def test_another_training_cannot_go_on_from_it(tmp_path: Path, changed: dict[str, Any], told: str) -> None:
    save_checkpoint(tmp_path, 1, ARGUMENTS, {"state": 1})
    with pytest.raises(CheckpointError, match=told):
        load_checkpoint(tmp_path, ARGUMENTS | changed)


class Hostile:
    """What a pickle can do to whoever loads it."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.mark),)


def test_nothing_in_it_is_run(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    state = Hostile(mark)
    hostile = [saved({"format": 1, "arguments": ARGUMENTS, "state": state}), pickle.dumps(state, protocol=2)]
    for number, content in enumerate(hostile):
        folder = tmp_path / str(number)
        folder.mkdir()
        put(folder, content)
        with pytest.raises(CheckpointError, match="to begin anew"):
            load_checkpoint(folder, ARGUMENTS)
    assert not mark.exists()


def _zip_without_pickle() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/version", "3")
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x02.",
        b"PK\x03\x04",
        _zip_without_pickle(),
        saved([1, 2]),
        saved({"format": 2, "arguments": ARGUMENTS}),
        saved({"format": 1}),
        saved({"format": 1, "arguments": ["seed"]}),
        saved({"format": 1, "arguments": ARGUMENTS, "state": 1})[:-200],
    ],
)
def test_what_is_no_checkpoint_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    put(tmp_path, content)
    with pytest.raises(CheckpointError, match=r"cannot be used.*Remove .* to begin anew"):
        load_checkpoint(tmp_path, ARGUMENTS)


def test_a_flipped_bit_is_found(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, 1, ARGUMENTS, {"state": torch.arange(1000.0)})
    path = checkpoint_in(tmp_path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="damaged"):
        load_checkpoint(tmp_path, ARGUMENTS)


def test_one_process_at_a_time(tmp_path: Path) -> None:
    folder = tmp_path / "bundle.training"
    with locked(folder):
        with pytest.raises(WrongCallError, match="another process trains"), locked(folder):
            pass
        assert folder.exists()
    assert not folder.exists()


def moved_state() -> TrainingState:
    """A state after a step."""
    torch.manual_seed(0)
    state = TrainingState(nn.Linear(3, 2), TrainingSettings())
    state.module(torch.ones(1, 3)).sum().backward()
    state.optimiser.step()
    state.step = state.batch = 1
    state.end_epoch({"pr_auc": 0.5})
    return state


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("step", -1),
        ("step", True),
        ("step", "1"),
        ("epoch", 2),
        ("loss_sum", float("nan")),
        ("module", {}),
        ("module", {"weight": torch.zeros(2, 3), "bias": torch.zeros(3)}),
        ("module", {"weight": torch.zeros(2, 3), "bias": torch.zeros(2, dtype=torch.float64)}),
        ("average", {"weight": torch.full((2, 3), torch.nan), "bias": torch.zeros(2)}),
        ("best", None),
        ("optimiser", {}),
        ("optimiser", {0: {"step": torch.zeros(())}, 1: {}}),
        ("history", []),
        ("history", [{"pr_auc": float("nan")}]),
    ],
)
def test_a_state_of_another_training_changes_nothing(name: str, value: object) -> None:
    content = moved_state().content()
    state = TrainingState(nn.Linear(3, 2), TrainingSettings())
    state.restore(content)
    weights = {key: values.clone() for key, values in state.module.state_dict().items()}
    with pytest.raises(StateError):
        state.restore(content | {name: value})
    assert all(values.equal(weights[key]) for key, values in state.module.state_dict().items())
    assert state.step == 1
