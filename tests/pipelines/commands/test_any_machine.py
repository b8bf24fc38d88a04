"""The command on machines as they are: no home, no UTF-8, few open files, streams closed, full or left."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.catalog import counts, start_tonearm, table, tonearm, tonearm_command, write_manifest
from tonearm.models.engines.cache import cache_folder

NOBODY = """\
import pwd

def nobody(uid):
    raise KeyError(f"getpwuid(): uid not found: {uid}")

pwd.getpwuid = nobody
"""
"""What Python runs at its start: from then on the system knows no user, as in many a container."""


@pytest.fixture
def users_folder(tmp_path: Path) -> Path:
    """A folder of a user who has packages with our folders' names."""
    for name in ("pipelines", "transforms", "models", "model_artifacts"):
        (tmp_path / "code" / name).mkdir(parents=True)
        (tmp_path / "code" / name / "__init__.py").write_text("raise ImportError('not meant for you')\n")
    (tmp_path / "code" / "sitecustomize.py").write_text(NOBODY)
    return tmp_path / "code"


def test_a_bare_machine_is_enough(songs: Path, output: Path, users_folder: Path) -> None:
    """No known user, a user's packages of our names, 64 open files, no streams, no such TMPDIR."""
    command = " ".join(map(str, tonearm_command("ingest", songs, "--output", output)))
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(users_folder),
        "TMPDIR": "/no/such/folder",
        "XDG_CACHE_HOME": str(cache_folder().parent),  # type: ignore[union-attr]  # the engine is built already
    }
    limited = ["sh", "-c", f"ulimit -n 64; exec {command} <&- >&- 2>&-"]
    subprocess.run(limited, cwd=users_folder, env=environment, check=True)
    assert len(table(output, "track_tags")) == 4


@pytest.fixture
def latin_1(tmp_path: Path) -> dict[str, str]:
    """The environment of a German of 1999."""
    name = "de_DE.ISO-8859-1"
    if shutil.which("localedef"):
        make = ["localedef", "-i", "de_DE", "-f", "ISO-8859-1", str(tmp_path / name)]
        subprocess.run(make, capture_output=True, check=False)
    if not (tmp_path / name).exists():
        pytest.skip("this machine cannot make the locale")
    return {"LOCPATH": str(tmp_path), "LC_ALL": name}


ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.fixture
def named_in_many_letters(songs: Path, tmp_path: Path) -> Path:
    song = tmp_path / "Müsik" / "Gymnopédie 音.flac"
    song.parent.mkdir()
    shutil.copy(songs / "flac.flac", song)
    return song


@pytest.mark.slow
def test_a_folder_is_read_in_the_simplest_locale_as_in_any(named_in_many_letters: Path, output: Path) -> None:
    in_every_locale_the_same(named_in_many_letters.parent, output, ASCII)


@pytest.mark.slow
def test_a_manifest_is_read_in_an_old_locale_as_in_any(
    named_in_many_letters: Path, output: Path, latin_1: dict[str, str], tmp_path: Path
) -> None:
    uri = str(named_in_many_letters.relative_to(tmp_path))
    manifest = write_manifest(tmp_path / "catalog.csv", [{"track_id": "é", "uri": uri}])
    in_every_locale_the_same(manifest, output, latin_1)


def in_every_locale_the_same(source: Path, output: Path, environment: dict[str, str]) -> None:
    """A second run, in another locale, finds everything tagged already."""
    assert tonearm("ingest", source, "--output", output) == 0
    command = start_tonearm("ingest", source, "--output", output, **environment)
    told, _ = command.communicate()
    assert command.returncode == 0, told
    assert counts(output) == (1, 0, 1, 0)


@pytest.fixture
def tagged(songs: Path, output: Path) -> Path:
    assert tonearm("ingest", songs / "flac.flac", "--output", output) == 0
    return output


@pytest.fixture
def full() -> Iterator[object]:
    with Path("/dev/full").open("w") as stream:
        yield stream


@pytest.fixture
def left() -> Iterator[object]:
    """A pipe whose reader has left, such as `head`."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream:
        yield stream


def test_a_full_standard_output_is_no_success_where_nothing_else_was_asked(
    tagged: Path, full: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout", full)
    assert tonearm("show", tagged) == 1
    assert capsys.readouterr().err == (
        "tonearm: standard output cannot be written: No space left on device\n"
    )


def test_a_run_whose_summary_cannot_be_printed_is_whole(
    tagged: Path,
    songs: Path,
    full: object,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.stdout", full)
    assert tonearm("ingest", songs / "mp3.mp3", "--output", tagged) == 0
    assert "the run is whole, but its summary is lost" in capsys.readouterr().err
    assert len(table(tagged, "track_tags")) == 2


def test_a_full_standard_error_changes_no_exit_code(
    tagged: Path, full: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr", full)
    assert tonearm("show", tagged, "no such track") == 2


def test_a_reader_that_has_left_has_seen_enough(
    tagged: Path,
    songs: Path,
    left: object,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.stdout", left)
    assert tonearm("show", tagged) == 0
    assert tonearm("plan", "--tracks", "1", "--minutes", "1") == 0
    assert tonearm("ingest", songs / "flac.flac", "--output", tagged) == 0
    assert capsys.readouterr().err == ""


def test_a_folder_that_was_deleted_is_named_as_the_cause(
    tmp_path: Path, songs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert tonearm("ingest", songs, "--output", "tags") == 2
    assert "the current folder is gone" in capsys.readouterr().err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("later_s", [0.0, 0.2])
def test_a_signal_at_the_start_ends_the_command_with_one_line(
    number: signal.Signals, code: int, later_s: float, songs: Path, output: Path
) -> None:
    command = start_tonearm("ingest", songs, "--output", output)
    while not answers(command.pid, signal.SIGTERM):
        assert command.poll() is None
        time.sleep(0.005)
    time.sleep(later_s)  # into the import of Beam
    command.send_signal(number)
    told, _ = command.communicate(timeout=30)
    assert (command.returncode, told) == (code, f"tonearm: stopped by {number.name}\n")


def answers(process: int, number: signal.Signals) -> bool:
    """True once a process has a handler for the signal."""
    status = Path(f"/proc/{process}/status").read_text()
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught >> (number - 1) & 1)
