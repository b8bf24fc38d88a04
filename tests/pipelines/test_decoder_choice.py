"""``--decoder``: whole runs with TensorFlow I/O, and the word to those who have not installed it."""

from __future__ import annotations

import subprocess
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from tests.catalog import errors, last_run, query, tonearm, tonearm_command
from tests.test_nobody_is_called import run_whole
from tonearm.transforms.elements import decoder_choice

installed = pytest.mark.skipif(find_spec("tensorflow_io") is None, reason="not installed: make test-tfio")


@pytest.mark.parametrize("decoder", ["tensorflow-io", "tensorflow-io-only"])
@pytest.mark.parametrize("command", ["ingest", "retry"])
def test_where_it_is_not_installed_nothing_is_begun(
    command: str,
    decoder: str,
    songs: Path,
    output: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(decoder_choice, "find_spec", lambda name: None)
    target = [songs, "--output", output] if command == "ingest" else [output]
    assert tonearm(command, *target, "--decoder", decoder) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert "uv pip install '.[tensorflow-io]'" in told.err
    assert not output.exists()


def test_a_run_records_what_decoded(songs: Path, output: Path) -> None:
    assert tonearm("ingest", songs / "mp3.mp3", "--output", output) == 0
    assert dict(last_run(output)["settings"])["decoder"] == "ffmpeg-and-libsndfile"


def track_scores(output: Path) -> dict[str, np.ndarray]:
    rows = query("select uri, scores from read_parquet('{output}/track_tags/**/*.parquet')", output)
    return {Path(row["uri"]).name: np.array(row["scores"]) for row in rows}


@installed
def test_the_tags_are_those_of_the_usual_decoders(songs: Path, tmp_path: Path) -> None:
    usual, first, only = (tmp_path / name for name in ("usual", "first", "only"))
    assert tonearm("ingest", songs, "--output", usual) == 0
    assert tonearm("ingest", songs, "--output", first, "--decoder", "tensorflow-io") == 0
    assert tonearm("ingest", songs, "--output", only, "--decoder", "tensorflow-io-only") == 0
    expected = track_scores(usual)
    for output, heard in ((first, track_scores(first)), (only, track_scores(only))):
        assert len(heard) == (4 if output == first else 3)
        assert max(np.abs(heard[name] - expected[name]).max() for name in heard) < 1e-5
    assert errors(only) == {"opus.opus": "format_excluded"}
    assert dict(last_run(first)["settings"])["decoder"] == "tensorflow-io"
    assert "tensorflow-io" in dict(last_run(first)["versions"])


@installed
def test_tensorflow_calls_nobody_and_leaves_nothing_at_home(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    _, calls = run_whole(tmp_path, home, "--decoder", "tensorflow-io-only")
    assert calls == ""
    assert {path.name for path in home.iterdir()} == {".cache"}


@installed
def test_what_is_printed_is_what_is_always_printed(songs: Path, output: Path) -> None:
    call = tonearm_command("ingest", songs / "mp3.mp3", "--output", output, "--decoder", "tensorflow-io-only")
    told = subprocess.run(call, capture_output=True, text=True, check=True)
    assert "seen 1 = tagged 1" in told.stdout
    assert "warning" not in told.stderr.lower()
    assert "tensorflow" not in told.stderr.lower()


@installed
def test_workers_of_a_cluster_get_the_choice(songs: Path, output: Path) -> None:
    """By its full name, Beam's local runner is a cluster to us; without it a worker would tag this."""
    runner = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"
    call = ("ingest", songs / "opus.opus", "--output", output, "--decoder", "tensorflow-io-only")
    assert tonearm(*call, "--runner", runner) == 0
    assert errors(output) == {"opus.opus": "format_excluded"}


@installed
def test_what_was_left_out_is_tagged_with_another_decoder(songs: Path, output: Path) -> None:
    assert tonearm("ingest", songs / "opus.opus", "--output", output, "--decoder", "tensorflow-io-only") == 0
    assert tonearm("retry", output, "--all", "--decoder", "tensorflow-io") == 0
    assert set(track_scores(output)) == {"opus.opus"}
