"""The command line: help that teaches, wrong calls that say what to mend, and exit codes to rely on."""

from __future__ import annotations

import fcntl
import os
import signal
import time
from pathlib import Path

import pytest

from tests.catalog import counts, keys, leftovers, start_tonearm, table, tonearm, write_manifest
from tonearm.transforms.tables.holding import hold

TAUGHT = (
    "a folder",
    "a glob",
    "with the columns track_id and uri, relative ones meant from the manifest",
    "examples:",
    "goes on where it ended",
    "--max_failed_fraction",
    "--runner NAME",
    "input:",
    "output:",
    "analysis:",
    "speed:",
    "streams, ",
    "(default: 128)",
    "exit codes: 0 the run is whole, even if tracks failed; 1",
)


def test_the_help_of_ingest_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    assert tonearm("ingest", "--help") == 0
    told = " ".join(capsys.readouterr().out.split())
    assert [lesson for lesson in TAUGHT if lesson not in told] == []


def test_the_help_names_the_commands_and_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert tonearm("--help") == 0
    assert tonearm("--version") == 0
    told = capsys.readouterr().out
    assert "ingest" in told
    assert "show" in told
    assert "tonearm 0." in told


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "COMMAND"),
        (["frobnicate"], "frobnicate"),
        (["ingest"], "--output"),
        (["ingest", "{songs}"], "--output"),
        (["ingest", "{songs}", "--output", "{output}", "--frobnicate"], "--frobnicate"),
        (["ingest", "{songs}", "--output", "{output}", "--wave_tracks", "0"], "--wave_tracks"),
        (["ingest", "{songs}", "--output", "{output}", "--max_failed_fraction", "2"], "between 0 and 1"),
        (["ingest", "{songs}", "--output", "{output}", "--max_patches", "7"], "not an even number from 2 on"),
        (["ingest", "{songs}", "--output", "{output}", "--segment_seconds", "nan"], "--segment_seconds"),
        (["ingest", "{songs}", "--output", "{output}", "--direct_num_workers", "many"], "direct_num_workers"),
        (
            ["ingest", "{songs}", "--output", "{output}", "--direct_num_workers", "-3"],
            "neither a number from 1",
        ),
        (["ingest", "{songs}", "--output", "{output}", "--direct_num_workers=100000"], "from 1 to 1024"),
        (["retry", "{output}/a", "{output}/b"], "two outputs of one kind are named"),
        (["ingest", "{songs}", "--output", "{output}", "--runner", "NoSuchRunner"], "NoSuchRunner"),
        (["ingest", "{songs}", "--output", "{output}", "--runner", "PortableRunner"], "--job_endpoint HOST:"),
        (
            ["ingest", "{songs}", "--output", "{output}", "--runner", "dataflow"],
            "see no disk of this machine",
        ),
        (
            ["ingest", "{songs}", "--output", "{output}", "--direct_running_mode=multi_processing"],
            "multi_processing is not offered",
        ),
        (["ingest", "{songs}", "--output", "{output}", "--tagger", "no_such_tagger"], "no_such_tagger"),
        (["ingest", "{songs}/missing", "--output", "{output}"], "missing"),
        (["ingest", "{songs}/missing.csv", "--output", "{output}"], "no such file"),
        (["ingest", "ftp://host/music", "--output", "{output}"], "ftp://"),
        (["ingest", "{songs}", "--output", "{songs}/flac.flac"], "flac.flac"),
        (["ingest", "{songs}", "--output", "bigquery://dataset"], "bigquery://project.dataset"),
        (["retry", "{songs}", "{output}"], "one folder or URL"),
        (["retry", "bigquery://dataset"], "bigquery://project.dataset"),
        (["show", "bigquery://dataset"], "bigquery://project.dataset"),
        (["show"], "OUT"),
        (["show", "{songs}"], "no tables of a run"),
        (["show", "{songs}", "--limit", "-1"], "-1 is not a whole number above 0"),
        (["show", "{songs}", "--limit", "0"], "0 is not a whole number above 0"),
        (["retry", "{songs}"], "no tables of a run"),
        (["retry", "{output}"], "no tables of a run"),
        (["ingets", "{songs}"], "there is no command ingets: did you mean ingest?"),
        (["ingest", "{songs}", "--output", "{output}", "--wave-tracks", "3"], "did you mean --wave_tracks?"),
        (
            ["ingest", "{songs}", "--output", "{output}", "--wave-tracks", "3", "--runner", "PrismRunner"],
            "did you mean --wave_tracks?",
        ),
        (
            ["ingest", "{songs}", "--output", "{output}", "--direct_num_worker", "3"],
            "did you mean --direct_num_workers?",
        ),
        (["show", "{songs}", "--limits", "3"], "did you mean --limit?"),
        (["show", "{songs}", "bach", "prelude"], "prelude is a word too many"),
        (["ingest", "m/a.mp3", "m/b.mp3", "m/c.mp3", "--output", "{output}"], "quote it"),
        (["ingest", "m/a.mp3", "m/b.mp3", "m/c.mp3", "--output", "{output}"], "'m/*.mp3'"),
        (["show", "{songs}", "--frobnicate"], "--frobnicate"),
        (["show", "{songs}", "--picture", "x.png"], "name it after OUT"),
    ],
)
def test_a_wrong_call_ends_with_2_and_says_what_is_wrong(
    arguments: list[str], complaint: str, songs: Path, output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    filled = [argument.format(songs=songs, output=output) for argument in arguments]
    assert tonearm(*filled) == 2
    told = capsys.readouterr()
    assert complaint in told.err
    assert told.out == ""
    assert not output.exists()


def test_without_arguments_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert tonearm() == 2
    told = capsys.readouterr().err
    assert "quick start:" in told
    assert "tonearm ingest music/ --output tags/" in told


def test_a_manifest_that_lacks_a_column_names_it(
    tmp_path: Path, output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = write_manifest(tmp_path / "catalog.csv", [{"track": "1", "uri": "a.mp3"}])
    assert tonearm("ingest", manifest, "--output", output) == 2
    assert "lacks the column track_id; found: track, uri" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["tags", "./tags/", "elsewhere/../tags"])
def test_an_output_may_be_named_from_the_current_folder(
    name: str,
    songs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert tonearm("ingest", songs, "--output", name) == 0
    assert f"tables: {tmp_path / Path(name).name}\n" in capsys.readouterr().out
    assert tonearm("show", name) == 0
    assert "flac.flac" in capsys.readouterr().out
    assert len(table(tmp_path / Path(name).name, "track_tags")) == 4


def test_a_run_with_failed_tracks_is_whole(songs: Path, output: Path, tmp_path: Path) -> None:
    assert tonearm("ingest", one_good_one_bad(songs, tmp_path), "--output", output) == 0


@pytest.mark.parametrize(("allowed", "code"), [("0.5", 0), ("0.49", 1)])
def test_more_failures_than_allowed_end_with_1(
    songs: Path, output: Path, tmp_path: Path, allowed: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = one_good_one_bad(songs, tmp_path)
    assert tonearm("ingest", manifest, "--output", output, "--max_failed_fraction", allowed) == code
    assert ("50.0% of the tried tracks failed" in capsys.readouterr().err) == bool(code)
    assert counts(output) == (2, 1, 0, 1)


def one_good_one_bad(songs: Path, folder: Path) -> Path:
    rows = [{"track_id": "1", "uri": str(songs / "flac.flac")}, {"track_id": "2", "uri": "missing.mp3"}]
    return write_manifest(folder / "catalog.csv", rows)


def test_the_summary_reconciles_and_says_why(
    songs: Path, output: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tonearm("ingest", one_good_one_bad(songs, tmp_path), "--output", output)
    told = capsys.readouterr().out
    assert "seen 2 = tagged 1 + skipped 0 + failed 1" in told
    assert "failed, not_found: 1" in told
    assert f"tables: {output}" in told


def test_a_second_run_on_the_same_output_is_refused(
    songs: Path, output: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(hold, "_LOCK_SECONDS", 0.2)
    output.mkdir()
    folder = os.open(output, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        assert tonearm("ingest", songs, "--output", output) == 2
    finally:
        os.close(folder)
    assert "another run is writing there" in capsys.readouterr().err
    assert tonearm("ingest", songs, "--output", output) == 0


def test_an_interrupted_run_commits_what_is_in_flight_and_the_next_one_goes_on(
    songs: Path, output: Path, tmp_path: Path, temporary_folder: Path
) -> None:
    rows = [{"track_id": str(number), "uri": str(songs / "flac.flac")} for number in range(40)]
    manifest = write_manifest(tmp_path / "catalog.csv", rows)
    command = start_tonearm("ingest", manifest, "--output", output, "--wave_tracks", "1")
    wait_for_first_commit(output)
    command.send_signal(signal.SIGINT)
    told, _ = command.communicate(timeout=60)
    assert "stopping" in told
    assert "stopped by SIGINT before the end of the input" in told
    assert command.returncode == 130
    assert 1 <= len(keys(output)) < 40
    assert leftovers(output) == []
    assert list(temporary_folder.iterdir()) == []
    done = len(keys(output))
    assert tonearm("ingest", manifest, "--output", output) == 0
    assert counts(output) == (40, 40 - done, done, 0)


def wait_for_first_commit(output: Path) -> None:
    deadline = time.monotonic() + 300
    while not list(output.glob("track_tags/*/*.parquet")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
