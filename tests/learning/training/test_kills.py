"""What takes minutes to show: kills and signals at any moment of a training."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from numpy.random import default_rng

from tests.learning.training.planted_dataset import (
    planted_splits,
    write_planted_dataset,
)

pytestmark = pytest.mark.slow

WEIGHTS = "short_chunk.safetensors"


def command(dataset: Path, output: Path, *options: str) -> list[str]:
    program = "from tonearm.pipelines.main import main; main()"
    return [
        *(sys.executable, "-c", program, "train", str(dataset), "--output", str(output)),
        *("--facet", "instrument", "--batch", "8", "--name", "planted", *options),
    ]


def steps_in(folder: Path) -> int:
    """The steps that the newest checkpoint has; -1 if there is none."""
    try:
        return max((int(path.name.split("-")[1]) for path in folder.glob("checkpoint-*.pt")), default=-1)
    except FileNotFoundError:
        return -1


def test_kills_at_three_random_steps_change_no_byte(tmp_path: Path) -> None:
    dataset = write_planted_dataset(tmp_path / "set", planted_splits(64, 32))
    options = ("--epochs", "6", "--patches_per_track", "2", "--checkpoint_minutes", "0.0005")
    subprocess.run(command(dataset, tmp_path / "whole", *options), check=True, capture_output=True)
    output, work = tmp_path / "killed", tmp_path / "killed.training"
    seed = int(time.time())
    print("seed", seed)  # which steps they were, should it ever fail
    for step in sorted(default_rng(seed).integers(1, 90, size=3)):
        process = subprocess.Popen(command(dataset, output, "--resume", *options))
        while steps_in(work) < step:
            assert process.poll() is None
            time.sleep(0.002)
        process.kill()
        process.wait()
        assert not output.exists()
    subprocess.run(command(dataset, output, "--resume", *options), check=True)
    for name in (WEIGHTS, "bundle.json"):
        assert (output / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert not work.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_a_checkpoint_and_says_how_to_go_on(tmp_path: Path, number: signal.Signals) -> None:
    dataset = write_planted_dataset(tmp_path / "set", planted_splits(64, 32))
    curves = tmp_path / "curves"
    options = ("--epochs", "1000", "--patience", "1000", "--tensorboard", str(curves))
    process = subprocess.Popen(
        command(dataset, tmp_path / "bundle", *options),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    while "epoch 1/1000" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(number)
    _, told = process.communicate()
    assert process.returncode == 128 + number
    step = steps_in(tmp_path / "bundle.training")
    assert step >= 8
    assert f"has all up to step {step}; the same call with --resume goes on" in told
    assert not (tmp_path / "bundle").exists()
    assert [path.name.startswith("events.out") for path in curves.iterdir()] == [True]
