"""A run killed at random moments and started again ends with the tables of one that was not."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from tests.catalog import counts, keys, leftovers, scores, start_tonearm, table, tonearm, write_manifest
from tonearm.transforms.audio.endings import has_audio_ending

KILLS = 3
FEWER_KILLS = 2


def manifest_of_copies(music: Path, folder: Path, copies: int) -> Path:
    """The tracks of a folder, each under several ids."""
    paths = sorted(path for path in music.iterdir() if has_audio_ending(path.name))
    rows = [{"track_id": f"{path.name} {copy}", "uri": str(path)} for copy in range(copies) for path in paths]
    return write_manifest(folder / "copies.csv", rows)


def kill_at_random(moments: random.Random, output: Path, longest_s: float, *arguments: str | Path) -> None:
    """Start the command, wait until it has committed something new and some time more, and kill it."""
    before = committed_files(output)
    command = start_tonearm("ingest", *arguments, "--output", output)
    while committed_files(output) <= before:
        assert command.poll() is None, command.communicate()[0]
        time.sleep(0.01)
    time.sleep(moments.uniform(0, longest_s))
    assert command.poll() is None, "it ended before it could be killed; give it more tracks"
    command.kill()
    command.communicate()


def committed_files(output: Path) -> int:
    return len(list(output.glob("track_tags/*/*.parquet")))


def assert_killed_runs_end_as_one_whole_run(
    manifest: Path,
    output: Path,
    reference: Path,
    temporary_folder: Path,
    *,
    wave_tracks: int,
    longest_s: float,
    kills: int,
) -> None:
    assert tonearm("ingest", manifest, "--output", reference) == 0
    moments = random.Random(20260314)
    options = ("--wave_tracks", str(wave_tracks), "--direct_num_workers", "2")
    for _ in range(kills):
        kill_at_random(moments, output, longest_s, manifest, *options)
        assert len(set(keys(output))) == len(keys(output))
    assert tonearm("ingest", manifest, "--output", output, *options) == 0

    assert keys(output) == keys(reference)
    found = scores(output)
    for track_id, expected in scores(reference).items():
        assert found[track_id] == pytest.approx(expected, abs=1e-6)
    assert keys(output, "embeddings") == keys(output)
    assert keys(output, "segments") == keys(reference, "segments")
    assert leftovers(output) == []
    assert list(temporary_folder.iterdir()) == []

    runs = table(output, "runs")
    seen, _, skipped, failed = counts(output)
    assert [run["ended"] for run in sorted(runs, key=lambda run: run["started"])][:-1] == [None] * kills
    assert sum(run["n_tagged"] for run in runs) == len(keys(output)), "committed work was done again"
    assert (seen, failed) == (len(keys(output)), 0)
    assert skipped >= kills


@pytest.mark.slow
def test_kills_leave_no_trace_in_the_tables(
    songs: Path, output: Path, tmp_path: Path, temporary_folder: Path
) -> None:
    manifest, reference = manifest_of_copies(songs, tmp_path, copies=6), tmp_path / "reference"
    assert_killed_runs_end_as_one_whole_run(
        manifest, output, reference, temporary_folder, wave_tracks=2, longest_s=0.3, kills=FEWER_KILLS
    )


@pytest.mark.slow
def test_three_kills_of_a_long_run_leave_no_trace_in_the_tables(
    samples: Path, output: Path, tmp_path: Path, temporary_folder: Path
) -> None:
    manifest, reference = manifest_of_copies(samples.parent, tmp_path, copies=60), tmp_path / "reference"
    assert_killed_runs_end_as_one_whole_run(
        manifest, output, reference, temporary_folder, wave_tracks=16, longest_s=12.0, kills=KILLS
    )
