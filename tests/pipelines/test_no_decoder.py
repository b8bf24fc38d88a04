"""Machines on which no decoder process can be started: a run breaks off and blames no track."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.catalog import counts, table, tonearm
from tonearm.transforms.audio.isolation import decoder_process
from tonearm.transforms.audio.isolation.isolated_reader import close_decoders

FN_API = ("--runner", "apache_beam.runners.portability.fn_api_runner.FnApiRunner")
"""By its full name, Beam's local runner is a cluster to us."""


@pytest.fixture(autouse=True)
def no_decoder_is_left() -> Iterator[None]:
    """Decoders are kept between runs; these tests begin and end without any."""
    close_decoders()
    yield
    close_decoders()


def no_interpreter(folder: Path) -> str:
    return str(folder / "gone" / "python")


def forbidden_interpreter(folder: Path) -> str:
    (program := folder / "forbidden").write_text("#!/bin/sh\n")
    return str(program)


def interpreter_without_a_module(folder: Path) -> str:
    return script(folder, "echo 'Traceback…' >&2; echo 'ImportError: libav.so: no such file' >&2; exit 1")


def interpreter_that_is_killed(folder: Path) -> str:
    return script(folder, "kill -9 $$")


def script(folder: Path, commands: str) -> str:
    program = folder / "interpreter"
    program.write_text(f"#!/bin/sh\n{commands}\n")
    program.chmod(0o755)
    return str(program)


@pytest.mark.parametrize(
    ("interpreter", "reason"),
    [
        (no_interpreter, "gone/python: No such file or directory"),
        pytest.param(forbidden_interpreter, "forbidden: Permission denied", marks=pytest.mark.slow),
        (interpreter_without_a_module, "exit status 1 (ImportError: libav.so: no such file)"),
        pytest.param(interpreter_that_is_killed, "SIGKILL", marks=pytest.mark.slow),
    ],
)
def test_a_run_breaks_off_before_its_first_track(
    interpreter: Callable[[Path], str],
    reason: str,
    songs: Path,
    output: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with monkeypatch.context() as context:
        context.setattr(decoder_process.sys, "executable", interpreter(tmp_path))
        assert tonearm("ingest", songs, "--output", output) == 1
    (told,) = capfd.readouterr().err.splitlines()
    assert told.startswith("tonearm: no decoder process can be started: ")
    assert reason in told
    assert table(output, "failures") == table(output, "track_tags") == []
    assert tonearm("ingest", songs, "--output", output) == 0
    assert counts(output) == (4, 4, 0, 0)


def test_a_job_on_a_cluster_fails_and_blames_no_track(
    songs: Path, output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as context:
        context.setattr(decoder_process.sys, "executable", no_interpreter(tmp_path))
        assert tonearm("ingest", songs, "--output", output, *FN_API) == 1
    assert table(output, "failures") == table(output, "track_tags") == []


def test_a_decoder_that_cannot_be_started_once_costs_nothing(
    songs: Path, output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as where memory is short for a moment."""
    failed_once = script(
        tmp_path,
        f'[ -e {tmp_path}/failed ] || {{ touch {tmp_path}/failed; exit 1; }}; exec {sys.executable} "$@"',
    )
    with monkeypatch.context() as context:
        context.setattr(decoder_process.sys, "executable", failed_once)
        assert tonearm("ingest", songs, "--output", output, "--direct_num_workers", "1") == 0
    assert (tmp_path / "failed").exists()
    assert counts(output) == (4, 4, 0, 0)
