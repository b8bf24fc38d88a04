"""What the process needs before anything is loaded: an answer to Ctrl-C, three open streams, UTF-8."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

from tonearm.errors import StoppedError

if TYPE_CHECKING:
    from types import FrameType


def prepare_process() -> None:
    """Make this process independent of how it was started."""
    _leave_on_signals()
    _open_missing_streams()
    _require_utf8()


def _leave_on_signals() -> None:
    """End at once on SIGINT and SIGTERM, as long as nothing is begun; a run answers them in its own way.

    An exception would do as well, but it would come up in the middle of some library's import.
    """
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, _leave)


def _leave(number: int, frame: FrameType | None) -> None:
    # Whatever this needs is imported already: the signal may have come in the middle of that import.
    try:
        os.write(2, f"tonearm: {StoppedError(signal.Signals(number))}\n".encode())
    finally:
        os._exit(128 + number)


def _open_missing_streams() -> None:
    """Open standard streams that are closed, onto nothing (``/dev/null``).

    Otherwise the next file to be opened, such as a table's, would get the number of standard error, and a
    library's warning would be written into it.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # which takes the lowest number that is free: this one
            setattr(sys, name, os.fdopen(number, "r" if name == "stdin" else "w"))
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(
                errors="backslashreplace"
            )  # names of files that are no valid text are printed all the same


def require_folder() -> None:
    """Refuse to run in a folder that was deleted: no relative path has a meaning there, and torch aborts.

    Raises:
        WrongCallError: The current folder is gone.
    """
    from tonearm.errors import WrongCallError

    try:
        os.getcwd()  # noqa: PTH109  (pathlib takes a third of the time that Python does to start)
    except OSError as error:
        raise WrongCallError("the current folder is gone: change to one that is there") from error


def _require_utf8() -> None:
    """Start anew in Python's UTF-8 mode where the locale has another encoding.

    File names are bytes. In another encoding Python would read them as another text: the same file would have
    another URI and another ``track_id``, and the names in a manifest would not be found.
    """
    if sys.getfilesystemencoding() == "utf-8":
        return
    environment = {**os.environ, "PYTHONUTF8": "1"}
    os.execve(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]], environment)
