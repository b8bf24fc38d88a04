"""Data sets that are built under kills, on Prism, into stores: the same bytes; and which files are opened."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.catalog import files_below, start_tonearm, tonearm, tonearm_command
from tests.labelled_songs import built_tracks, files_of, labelled_songs, song_row, write_songs
from tests.transforms.storage.stores import Store

pytest_plugins = ["tests.servers.prism"]
pytestmark = pytest.mark.slow

KILLS = 3
SONGS = 60
COPIES = 4
LONGEST_S = 1.5
"""After a shard is written, a kill comes within so many seconds."""


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Many tracks of some songs, in groups by song, and some that fail."""
    folder = write_songs(tmp_path_factory.mktemp("audio"), SONGS, seconds=4.0)
    (folder / "noise.flac").write_bytes(b"no audio at all" * 100)
    rows = [
        song_row(number, track_id=f"t{number}-{copy}", artist=f"a{number}", split="")
        for number in range(SONGS)
        for copy in range(COPIES)
    ]
    broken = [song_row(1000 + number, uri="noise.flac", artist="noise", split="") for number in range(3)]
    return labelled_songs(folder, *rows, *broken)


@pytest.fixture(scope="module")
def whole(manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data set that one unbroken build makes."""
    dataset = tmp_path_factory.mktemp("whole") / "dataset"
    assert tonearm("dataset", "build", manifest, "--output", dataset) == 0
    return dataset


def tallies(dataset: Path) -> int:
    return len(list(dataset.glob("_building/tallies/*.json")))


def test_kills_leave_no_trace_in_the_data_set(manifest: Path, whole: Path, tmp_path: Path) -> None:
    moments, dataset = random.Random(20261128), tmp_path / "dataset"
    for _ in range(KILLS):
        before = tallies(dataset)
        command = start_tonearm("dataset", "build", manifest, "--output", dataset)
        while tallies(dataset) <= before:
            assert command.poll() is None, command.communicate()[0]
            time.sleep(0.01)
        time.sleep(moments.uniform(0, LONGEST_S))
        command.kill()
        command.communicate()
        if (dataset / "dataset.json").exists():
            break  # the machine was faster than the kill
    assert tonearm("dataset", "build", manifest, "--output", dataset) == 0
    assert files_of(dataset) == files_of(whole)


def test_a_killed_end_is_cleared_up(manifest: Path, whole: Path, tmp_path: Path) -> None:
    dataset = tmp_path / "dataset"
    shutil.copytree(whole, dataset)
    (dataset / "_building" / "tallies").mkdir(parents=True)
    (dataset / "_building" / "tallies" / "0.json").write_text("{}")
    assert tonearm("dataset", "build", manifest, "--output", dataset) == 0
    assert files_of(dataset) == files_of(whole)
    assert "_building" not in files_below(dataset)


def test_prism_builds_the_same(
    manifest: Path, whole: Path, tmp_path: Path, prism: tuple[str, ...], prism_elsewhere: tuple[str, ...]
) -> None:
    for number, options in enumerate((prism, prism_elsewhere)):
        dataset = tmp_path / str(number)
        assert tonearm("dataset", "build", manifest, "--output", dataset, *options) == 0
        assert files_of(dataset) == files_of(whole)


def test_stores_hold_the_same(manifest: Path, whole: Path, store: Store) -> None:
    dataset = store.at("sets/ours")
    for _ in range(2):
        assert tonearm("dataset", "build", manifest, "--output", dataset) == 0
        found, expected = built_tracks(dataset), built_tracks(whole)
        assert found.keys() == expected.keys()
        assert all(found[name].patches.tobytes() == expected[name].patches.tobytes() for name in expected)


OPENED = re.compile(r'open(?:at2?)?\([^"]*"([^"]*\.flac)"')


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace tells what is opened")
def test_no_file_is_opened_that_any_row_has_no_consent_for(tmp_path: Path) -> None:
    folder = write_songs(tmp_path / "music", 9)
    (folder / "link.flac").symlink_to(folder / "1.flac")
    (folder / "hard.flac").hardlink_to(folder / "2.flac")
    manifest = labelled_songs(
        folder,
        song_row(0),
        song_row(1, training_opt_in="false"),
        song_row(2, training_opt_in=""),
        song_row(3, training_opt_in="yes"),
        song_row(4, uri="link.flac"),
        song_row(5, uri="hard.flac"),
        song_row(6, uri=str(folder / "3.flac")),
        song_row(7),
        song_row(8, labels="piano; piano=-"),
    )
    trace, dataset = tmp_path / "trace", tmp_path / "dataset"
    command = tonearm_command(
        "dataset", "build", manifest, "--output", dataset, "--validation", "0", "--test", "0"
    )
    traced = [
        "strace",
        "-f",
        "--seccomp-bpf",
        "-qq",
        "-e",
        "trace=open,openat,openat2",
        "-o",
        trace,
        *command,
    ]
    subprocess.run(traced, check=True, capture_output=True, env=dict(os.environ))
    opened = {Path(path).name for path in OPENED.findall(trace.read_text())}
    assert opened == {"0.flac", "7.flac"}
    assert sorted(built_tracks(dataset)) == ["t0", "t7"]
