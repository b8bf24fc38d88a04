"""Errors that end the command: each says with which exit code, and the command keeps to it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import tonearm
from tests.catalog import tonearm as command
from tonearm.errors import EXIT_BROKEN, EXIT_WRONG_CALL, TonearmError, WrongCallError
from tonearm.pipelines import ingest

KEPT_FROM_USERS = {
    "TrackError",  # one track's
    "NoSpectrogramError",  # one file's, which is counted
    "RowsRefusedError",  # becomes a failure
    "BatchRefusedError",
    "InsertError",  # a cluster tries again
    "FrontEndError",  # becomes a BundleError
    "LabelError",  # one row's
    "BlankLabelsError",
    "_UnusableRowError",
    "_UnlabelledRowError",
    "_SaidTwiceError",
    "StateError",  # becomes a CheckpointError
    "UnfittableError",  # who fits a curve has counted its tracks
    "TensorBundleError",  # for those who convert checkpoints
}


def kinds_of(base: type[Exception]) -> Iterator[type[Exception]]:
    yield base
    for kind in base.__subclasses__():
        yield from kinds_of(kind)


def test_every_error_that_ends_a_command_has_an_exit_code() -> None:
    for module in pkgutil.walk_packages(tonearm.__path__, "tonearm."):
        if not module.name.endswith((".worker", ".convert")):
            importlib.import_module(module.name)
    ours = {kind for kind in kinds_of(Exception) if kind.__module__.startswith("tonearm.")}
    ours -= {kind for kind in ours if kind.__module__.startswith("tonearm.transforms.audio.")}  # one file's
    without = {kind.__name__ for kind in ours if not issubclass(kind, TonearmError)}
    without = {name for name in without if name.endswith("Error")}
    assert without - KEPT_FROM_USERS == set()
    assert {kind.exit_code for kind in ours if issubclass(kind, TonearmError)} <= {1, 2}


@pytest.mark.parametrize(("error", "code"), [(TonearmError, EXIT_BROKEN), (WrongCallError, EXIT_WRONG_CALL)])
def test_the_command_ends_with_the_errors_own_code_and_one_line(
    error: type[TonearmError],
    code: int,
    songs: Path,
    output: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refuse(order: object) -> None:
        raise error("the lease was lost")

    monkeypatch.setattr(ingest, "ingest", refuse)
    assert command("ingest", songs, "--output", output) == code
    assert capsys.readouterr().err == "tonearm: the lease was lost\n"
