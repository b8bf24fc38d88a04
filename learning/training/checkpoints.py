"""Checkpoints: where a training stands, on the disk; whole or not there, and read without running anything.

The folder ``BUNDLE.training`` lies beside the bundle that will be made and holds one checkpoint. Its name has
the first digits of its content's hash, so a damaged file is known for one.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from tonearm.errors import TonearmError, WrongCallError

_FORMAT = 1
_NAME = re.compile(r"checkpoint-(?P<step>\d+)-(?P<hash>[0-9a-f]{16})\.pt")
_UNFINISHED = ".unfinished"


class CheckpointError(WrongCallError):
    """A checkpoint cannot be gone on from; the message says why and what to do."""


class WorkFolderError(TonearmError):
    """A training's own files cannot be written; what was saved before is still there."""


def work_folder(bundle: Path) -> Path:
    """Where the training of a bundle keeps what it needs to go on."""
    return bundle.with_name(f"{bundle.name}.training")


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make the folder if need be; no other process trains in it for as long as the block lasts.

    It is gone afterwards if there is no checkpoint in it, and if the block ends well: then all is done.

    Raises:
        WrongCallError: Another process does.
        WorkFolderError: It cannot be made.
    """
    with writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise WrongCallError(f"another process trains in {folder} at this moment") from error
        try:
            yield
        except BaseException:
            if not holds_checkpoint(folder):
                shutil.rmtree(folder, ignore_errors=True)
            raise
        shutil.rmtree(folder)


@contextlib.contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Say in an error where something could not be written.

    Raises:
        WorkFolderError: In place of any ``OSError``.
    """
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise WorkFolderError(
            f"{folder} cannot be written: {reason}. What was saved before is still there: "
            "once it can be written, go on with --resume"
        ) from error


def save_checkpoint(
    folder: Path, step: int, arguments: Mapping[str, Any], content: Mapping[str, Any]
) -> None:
    """Write a checkpoint in place of the one before.

    A kill at any moment leaves one of them whole: the new one is written apart, forced to the disk and
    renamed before the old one is removed.

    Args:
        folder: See :func:`work_folder`.
        step: Steps done.
        arguments: What the training is: another one cannot go on from it.
        content: Tensors, numbers, texts, lists and dictionaries.

    Raises:
        WorkFolderError: It cannot be written, such as on a full disk; the one before is still there.
    """
    file = io.BytesIO()
    torch.save({"format": _FORMAT, "arguments": dict(arguments), **content}, file)
    saved = file.getbuffer()
    path = folder / f"checkpoint-{step}-{hashlib.sha256(saved).hexdigest()[:16]}.pt"
    with writing_to(folder):
        write_whole(path, saved)
        for older in _checkpoints(folder):
            if older != path:
                older.unlink()


def load_checkpoint(folder: Path, arguments: Mapping[str, Any]) -> dict[str, Any] | None:
    """Read the content of the newest checkpoint; None if there is none.

    Args:
        folder: See :func:`work_folder`.
        arguments: What the training is.

    Raises:
        CheckpointError: It is damaged, or of another training.
    """
    found = _checkpoints(folder)
    if not found:
        return None
    path = found[-1]
    content = _read(path)
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise _unusable(path, "it is of another version of tonearm, or no checkpoint at all")
    _require_same(path, content.get("arguments"), arguments)
    return content


def holds_checkpoint(folder: Path) -> bool:
    """True if a training was begun there and not finished."""
    return folder.is_dir() and bool(_checkpoints(folder))


def _checkpoints(folder: Path) -> list[Path]:
    """From the oldest to the newest; of a kill between two there may be both."""
    named = [(match, path) for path in folder.iterdir() if (match := _NAME.fullmatch(path.name))]
    return [
        path
        for match, path in sorted(named, key=lambda each: (int(each[0]["step"]), each[1].stat().st_mtime))
    ]


def write_whole(path: Path, content: bytes | memoryview) -> None:
    """Write a file so that it is there whole, and on the disk, or not at all."""
    unfinished = path.with_name(path.name + _UNFINISHED)
    try:
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # so that the new name is on the disk before the old file is gone
    finally:
        os.close(folder)


def _read(path: Path) -> Any:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _unusable(path, f"it cannot be read: {error}") from error
    match = _NAME.fullmatch(path.name)
    if not match or hashlib.sha256(content).hexdigest()[:16] != match["hash"]:
        raise _unusable(path, "it is damaged: its content is not what its name says")
    try:
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # a file that was made to do harm can bring about any
        raise _unusable(path, f"it is no checkpoint: {str(error).partition(chr(10))[0]}") from error


def _require_same(path: Path, found: Any, expected: Mapping[str, Any]) -> None:
    if not isinstance(found, dict):
        raise _unusable(path, "it does not say of which training it is")
    differing = [
        f"{name} was {_short(found.get(name))} and is {_short(expected.get(name))}"
        for name in sorted(found.keys() | expected.keys(), key=str)
        if found.get(name) != expected.get(name)
    ]
    if differing:
        raise CheckpointError(
            f"{path} is of another training: {'; '.join(differing)}. Give the arguments that it was begun "
            f"with, or remove {path.parent} to begin anew"
        )


def _short(value: Any) -> str:
    text = "not given" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _unusable(path: Path, reason: str) -> CheckpointError:
    return CheckpointError(f"{path} cannot be used: {reason}. Remove {path.parent} to begin anew")
