"""Printing for people, whatever standard output and standard error are: a terminal, a pipe, a full disk."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from rich.console import Console

from tonearm.errors import TonearmError

_WIDTH_WITHOUT_TERMINAL = 150
"""Columns; wide enough to print each track on one line."""

_NARROWEST = 80
"""Columns; in a narrower terminal long lines wrap, as columns of a letter or two would be harder to read."""


class StandardOutputError(TonearmError):
    """Not everything could be written to standard output."""


@contextmanager
def printing() -> Iterator[Console]:
    """Print to standard output, all of it when the block ends.

    A reader that has left, such as ``head``, has seen enough, and is no error.

    Yields:
        A console as wide as the terminal; in a file or a pipe wide enough to print each track on one line.

    Raises:
        StandardOutputError: Standard output cannot be written, such as on a full disk.
    """
    printed = io.StringIO()
    is_terminal = sys.stdout.isatty()
    console = Console(file=printed, force_terminal=is_terminal or None, highlight=False)
    console.width = max(console.width, _NARROWEST) if is_terminal else _WIDTH_WITHOUT_TERMINAL
    yield console
    try:
        sys.stdout.write(printed.getvalue())
        sys.stdout.flush()
    except BrokenPipeError:
        give_up(sys.stdout)
    except OSError as error:
        give_up(sys.stdout)
        reason = os.strerror(error.errno or 0)
        raise StandardOutputError(f"standard output cannot be written: {reason}") from error


def say(message: str) -> None:
    """Print a line to standard error; where that cannot be written, nobody is there to be told."""
    try:
        print(message, file=sys.stderr, flush=True)
    except OSError:
        give_up(sys.stderr)


def give_up(stream: TextIO) -> None:
    """Lead a stream nowhere, so that what waits in it fails neither now nor when the program ends."""
    with suppress(OSError, ValueError):  # in tests it may be no file
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
