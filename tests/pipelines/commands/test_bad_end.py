"""How a run that broke off is told: what happened, what stays, what the same command would do."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from tests.catalog import tonearm
from tonearm.transforms.tables.contract import OutputError
from tonearm.transforms.tables.parquet.files import ParquetWriter


def broken_by(error: Exception, monkeypatch: pytest.MonkeyPatch, *call: str | Path) -> int:
    """Run the command, and have the error come up where tables are written, deep in Beam's graph."""

    def refuse(*_: object) -> int:
        raise error

    monkeypatch.setattr(ParquetWriter, "write", refuse)
    return tonearm("ingest", *call)


def test_a_full_disk_is_told_in_one_line(
    songs: Path, output: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/disk/tags")
    assert broken_by(full, monkeypatch, songs, "--output", output) == 1
    assert capfd.readouterr().err == (
        "tonearm: the run broke off (No space left on device: /disk/tags). What is committed stays in the "
        "tables; once the cause is mended, the same command works the rest\n"
    )


def test_with_retag_the_same_command_works_all_again(
    songs: Path, output: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert broken_by(OSError(errno.EIO, "I/O"), monkeypatch, songs, "--output", output, "--retag") == 1
    assert "the same command works all again, as --retag asks" in capfd.readouterr().err


def test_an_error_that_says_what_to_do_is_told_as_it_is(
    songs: Path, output: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert broken_by(OutputError("the dataset is gone"), monkeypatch, songs, "--output", output) == 2
    assert capfd.readouterr().err == "tonearm: the dataset is gone\n"


def test_of_an_error_that_nobody_foresaw_the_traceback_is_logged_once(
    songs: Path,
    output: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert broken_by(ZeroDivisionError("by nought"), monkeypatch, songs, "--output", output) == 1
    assert "the run broke off (ZeroDivisionError, see above)" in capfd.readouterr().err
    assert caplog.text.count("ZeroDivisionError: by nought") == 1


def test_a_system_that_allows_no_more_threads_is_told_in_one_line(
    songs: Path, output: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    refused = RuntimeError("can't start new thread")
    assert broken_by(refused, monkeypatch, songs, "--output", output) == 1
    (told,) = capfd.readouterr().err.splitlines()
    assert "no more threads: look at `ulimit -u`" in told
