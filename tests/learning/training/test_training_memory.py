"""A data set that is larger than the memory that there is, in a process that may have no more."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.learning.training.planted_dataset import (
    planted_track,
    write_planted_dataset,
)
from tonearm.learning.datasets.track import DatasetTrack
from tonearm.learning.labelled.track import Split
from tonearm.models.front_end import FrontEnd

pytestmark = pytest.mark.slow

LIMITED = r"""
import re, resource, sys
from pathlib import Path
from tonearm.pipelines.main import run
if limit := int(sys.argv.pop(1)):
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
code = run(sys.argv[1:])
print("peak", int(re.search(r"VmPeak:\s+(\d+)", Path("/proc/self/status").read_text())[1]) * 1024)
sys.exit(code)
"""


def trained_within(limit: int, dataset: Path, output: Path) -> int:
    """Train in so much address space, 0 for any; returns the most that was in use."""
    options = ["--facet", "instrument", "--epochs", "1", "--patches_per_track", "20"]
    called = ["train", str(dataset), "--output", str(output), *options, "--memory_megabytes", "50"]
    ended = subprocess.run(
        [sys.executable, "-c", LIMITED, str(limit), *called], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    (peak,) = [line for line in ended.stdout.splitlines() if line.startswith("peak ")]
    return int(peak.removeprefix("peak "))


def test_a_set_larger_than_memory_is_trained_on(tmp_path: Path) -> None:
    front_end = FrontEnd()
    quiet = np.zeros((1, front_end.patch_frames, front_end.mel_bands), np.float32)

    def tracks(begin: int, count: int) -> list[DatasetTrack]:
        """Tracks of 60 patches that take no room on the disk, and 4 MB each in memory."""
        planted = (planted_track(number, patches=1) for number in range(begin, begin + count))
        return [
            replace(track, patches=np.broadcast_to(quiet + (track.labels[0] > 0), (60, *quiet.shape[1:])))
            for track in planted
        ]

    def dataset(name: str, train_tracks: int) -> Path:
        splits = {Split.TRAIN: tracks(100, train_tracks), Split.VALIDATION: tracks(0, 8)}
        return write_planted_dataset(tmp_path / name, splits, front_end=front_end)

    room = 250_000_000
    peak = trained_within(0, dataset("small", 8), tmp_path / "small_bundle")
    assert 200 * 60 * quiet.nbytes > 3 * room
    trained_within(peak + room, dataset("large", 200), tmp_path / "large_bundle")
