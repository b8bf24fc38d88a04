"""Whether a training learns from its training part alone: labels that say nothing teach nothing."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.catalog import tonearm_command
from tests.learning.training.planted_dataset import planted_splits, write_planted_dataset
from tests.learning.training.trainings import Listening, training_call
from tonearm.learning.datasets.reading import open_dataset, read_shard
from tonearm.learning.datasets.track import DatasetTrack
from tonearm.learning.evaluation.metrics import mean_of_known, roc_auc
from tonearm.learning.labelled.track import Split
from tonearm.learning.training.run import train

pytestmark = pytest.mark.slow

TONES = [f"tone {number:02}" for number in range(16)]
OPENED = re.compile(r'open(?:at2?)?\([^"]*"([^"]*)"')


def permuted(tracks: Sequence[DatasetTrack]) -> list[DatasetTrack]:
    """The same patches; each label is dealt out anew, to as many tracks as had it."""
    said = np.random.default_rng(1).permuted([track.labels for track in tracks], axis=0)
    return [replace(track, labels=labels) for track, labels in zip(tracks, said, strict=True)]


def area_on_test(dataset: Path, output: Path) -> float:
    """Train, and give the mean ROC-AUC of the labels on the part that training does not read."""
    call = training_call(dataset, output, epochs=4, batch=16, patches_per_track=1, mix=0.0)
    tagger = train(call, Listening()).tagger
    network = tagger.build_network(tagger.networks[0])
    opened = open_dataset(str(dataset), [Split.TEST])
    tracks = [track for shard in opened.shards(Split.TEST) for track in read_shard(shard)]
    with torch.inference_mode():
        scores = network(torch.from_numpy(np.concatenate([track.patches for track in tracks])))[0].numpy()
    area = mean_of_known(roc_auc(scores, np.stack([track.labels for track in tracks])))
    assert area is not None
    return area


def test_permuted_labels_teach_nothing(tmp_path: Path) -> None:
    tracks = planted_splits(600, 150, 1000, patches=1, tones=len(TONES))
    honest = write_planted_dataset(tmp_path / "honest", tracks, labels=TONES)
    for split in (Split.TRAIN, Split.VALIDATION):
        tracks[split] = permuted(tracks[split])
    shuffled = write_planted_dataset(tmp_path / "shuffled", tracks, labels=TONES)
    assert area_on_test(honest, tmp_path / "from-honest") > 0.8
    assert area_on_test(shuffled, tmp_path / "from-shuffled") == pytest.approx(0.5, abs=0.03)


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace tells what is opened")
def test_no_file_of_the_part_for_tests_is_opened(tmp_path: Path) -> None:
    dataset = write_planted_dataset(tmp_path / "set", planted_splits(16, 8, 8))
    trace = tmp_path / "trace"
    command = tonearm_command(
        *("train", dataset, "--output", tmp_path / "bundle", "--facet", "instrument"),
        *("--epochs", "1", "--batch", "8"),
    )
    traced = ["strace", "-f", "--seccomp-bpf", "-qq", "-e", "trace=open,openat,openat2", "-o", trace]
    subprocess.run([*traced, *command], check=True, capture_output=True)
    of_set = {path for path in OPENED.findall(trace.read_text()) if path.startswith(str(dataset))}
    parts = {Path(path).relative_to(dataset).parts[0] for path in of_set if Path(path).is_file()}
    assert parts == {"dataset.json", "train", "validation"}
