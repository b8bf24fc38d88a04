"""The folder of an evaluation: written whole or not at all, and replaced only where it is asked for."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tonearm.errors import WrongCallError
from tonearm.learning.evaluation.report.document import FORMAT
from tonearm.learning.local_places import local_place

REPORT_JSON = "report.json"


def writable_folder(location: str, *, replace: bool) -> Path:
    """The folder of a report that is to be written, checked before any work.

    Args:
        location: As the call names it.
        replace: True if the evaluation that is there is to be replaced.

    Raises:
        WrongCallError: It is no place for a folder, or something is there that stays.
    """
    place = local_place(location, "--output")
    folder = Path(os.path.abspath(place))  # noqa: PTH100 - resolves "..", not links
    if os.path.lexists(folder):
        if not replace:
            raise WrongCallError(
                f"--output {location} is there already: name another folder, or give --replace if the "
                "evaluation in it may go"
            )
        if not _is_evaluation(folder):
            raise WrongCallError(
                f"--output {location} is no evaluation, and is not replaced: name another folder"
            )
    return folder


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write the files of an evaluation; until all of them are there, what was there before stays.

    Args:
        folder: See :func:`writable_folder`.
        files: Content by name.

    Raises:
        WrongCallError: The disk refuses; nothing is left behind.
    """
    beside = ""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent)
        new, old = Path(beside) / "new", Path(beside) / "old"
        new.mkdir()
        for name, content in files.items():
            (new / name).write_bytes(content)
        if os.path.lexists(folder):
            folder.rename(old)
        new.rename(folder)
    except OSError as error:
        raise WrongCallError(f"{folder} cannot be written: {error.strerror}") from error
    finally:
        if beside:
            shutil.rmtree(beside, ignore_errors=True)


def _is_evaluation(folder: Path) -> bool:
    try:
        report = json.loads((folder / REPORT_JSON).read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(report, dict) and report.get("format") == FORMAT
