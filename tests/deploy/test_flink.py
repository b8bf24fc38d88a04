"""The demonstration on Flink: which differences of tables it finds, and what it says of what is missing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from deploy.flink import demo
from deploy.flink.cluster import SETTINGS
from deploy.flink.comparison import TOLERANCE, differences
from deploy.flink.jars import MissingError, jars
from tests.catalog import tonearm
from tests.deploy.manifests import FOLDER, flink_cluster_of

pytest_plugins = ["tests.servers.prism"]

ROOT = Path(__file__).parents[2]


@pytest.fixture
def outputs(songs: Path, output: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Tables of one track, and a copy of them."""
    assert tonearm("ingest", songs / "flac.flac", "--output", output) == 0
    return output, Path(shutil.copytree(output, tmp_path / "copy"))


def scores_moved_by(distance: float, output: Path) -> None:
    (path,) = output.glob("embeddings/*/*.parquet")
    table = pq.read_table(path, partitioning=None)
    vectors = [[value + distance for value in vector] for vector in table["vector"].to_pylist()]
    place = table.schema.get_field_index("vector")
    field = table.schema.field("vector")
    pq.write_table(table.set_column(place, field, pa.array(vectors, field.type)), path)


def test_what_two_runs_may_differ_in_is_no_difference(outputs: tuple[Path, Path]) -> None:
    one, other = outputs
    scores_moved_by(TOLERANCE / 10, other)
    assert differences(str(one), str(other)) == []


def test_moved_scores_doubled_rows_and_other_tracks_are_told(outputs: tuple[Path, Path]) -> None:
    one, other = outputs
    scores_moved_by(0.001, other)
    (tags,) = other.glob("track_tags/*/*.parquet")
    shutil.copy(tags, tags.with_name("again.parquet"))
    (segments,) = other.glob("segments/*/*.parquet")
    segments.unlink()
    (run,) = other.glob("runs/*/*.parquet")
    run.unlink()
    missing, nothing_else, moved, doubled, counts = differences(str(one), str(other))
    assert missing.startswith("segments: ") and missing.endswith(f"keys are only in {one}")
    assert nothing_else == f"segments: 0 keys are only in {other}"
    assert moved == "embeddings: vector differs in 1 rows"
    assert doubled == f"track_tags: 1 keys are more than once in {other}"
    assert counts.startswith("runs: counts [{'n_seen': 1, ")


@pytest.mark.parametrize(
    ("options", "said"), [((), "Flink needs Java 17"), (("--prism", "prism"), "there is no program prism")]
)
def test_what_is_missing_is_named(options: tuple[str, ...], said: str, tmp_path: Path) -> None:
    command = (sys.executable, "-m", "deploy.flink.demo", *options)
    environment = {**os.environ, "PATH": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"flink-demo: {said}")


@pytest.mark.parametrize(
    ("numbers", "said"), [(("0",), "0 is not a whole number above 0"), (("2", "2"), "names a number twice")]
)
def test_clusters_that_cannot_be_are_refused(numbers: tuple[str, ...], said: str) -> None:
    command = (sys.executable, "-m", "deploy.flink.demo", "--task_managers", *numbers)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert said in done.stderr


def test_a_command_that_is_killed_leaves_nothing_outside_the_folder_of_the_demonstration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs, outside, folder = (tmp_path / name for name in ("programs", "outside", "folder"))
    for each in (programs, outside, folder):
        each.mkdir()
    stand_in = programs / "tonearm"
    stand_in.write_text("#!/bin/sh\nmktemp --directory\nkill -KILL $$\n")
    stand_in.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(programs / "python"))
    monkeypatch.setenv("TMPDIR", str(outside))
    with pytest.raises(subprocess.CalledProcessError):
        demo._ingest("samples", folder / "tables")
    assert list(outside.iterdir()) == list(folder.iterdir()) == []


def test_music_in_a_folder_with_blanks_is_one_word_of_the_command() -> None:
    make = (
        "make",
        "--no-print-directory",
        "--dry-run",
        "--old-file=setup",
        "flink-demo",
        "MUSIC=my mu\u0308sic",
    )
    told = subprocess.run(make, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert told.splitlines()[-1].endswith(' deploy.flink.demo "my mu\u0308sic"')


@pytest.mark.slow
def test_all_engines_make_the_same_tables(songs: Path, prism_program: Path) -> None:
    done = subprocess.run(
        (sys.executable, "-m", "deploy.flink.demo", songs, "--prism", prism_program, "--task_managers", "1"),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 2:
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stdout + done.stderr
    *_, took, equal = done.stderr.splitlines()
    where = re.findall(r"\d+ s on ([\w ]+)", took)
    assert where == ["one machine", "Prism", "Flink with 1 task manager"]
    assert equal.startswith("flink-demo: the tables are equal: ")


@pytest.mark.slow
def test_flink_has_the_settings_that_it_is_given() -> None:
    """It passes over those that it has not, such as misspelt ones, without a word."""
    try:
        known = settings_in(jars())
    except MissingError as missing:
        pytest.skip(str(missing))
    given = flink_cluster_of(FOLDER / "flink" / "stream")["spec"]["flinkConfiguration"]
    assert {*SETTINGS, *given} - known == set()
    assert "jobmanager.schedulers" not in known


def settings_in(folder: Path) -> set[str]:
    """All words in Flink's classes of options that may be names of settings."""
    found: set[str] = set()
    for jar in folder.glob("flink-*.jar"):
        with zipfile.ZipFile(jar) as classes:
            for name in classes.namelist():
                if re.search(r"Options(\$\w+)?\.class$", name):
                    text = classes.read(name).decode("latin-1")
                    found |= set(re.findall(r"[a-z][a-zA-Z0-9-]*(?:\.[a-zA-Z0-9-]+)+", text))
    return found
