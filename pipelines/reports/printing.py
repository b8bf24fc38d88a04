"""Printing for people, whatever standard output and standard error are: a terminal, a pipe, a full disk."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from tonearm.errors import TonearmError

_WIDTH_WITHOUT_TERMINAL = 150
"""Columns; wide enough to print each track on one line."""

_NARROWEST = 80
"""Columns; in a narrower terminal long lines wrap, as columns of a letter or two would be harder to read."""


_NOT_SHOWN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""What a terminal obeys, or what turns text around; names of files and metadata may hold any of it."""


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
    console = _ShowingConsole(file=printed, force_terminal=is_terminal or None, highlight=False)
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


def shown(text: str) -> str:
    r"""Text for a terminal: what it would obey is replaced, but for line breaks and tabs.

    >>> shown("a\x1b[2Jb")
    'a\ufffd[2Jb'
    """
    return _NOT_SHOWN.sub("\ufffd", text)


def json_for_programs(content: object, *, indent: int | None = None) -> str:
    r"""JSON that programs read as it was meant, and that a terminal shows without obeying any of it.

    >>> print(json_for_programs({"naïve": "\x9b2J"}))
    {"naïve": "\u009b2J"}
    """
    text = json.dumps(content, ensure_ascii=False, default=str, indent=indent)
    return _NOT_SHOWN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


class ShownFormatter(logging.Formatter):
    """Formats log lines as :func:`shown`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return shown(super().format(record))


class _ShowingConsole(Console):
    """A console whose texts are :func:`shown`, while it styles them itself."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=shown(segment.text))


def say(message: str) -> None:
    """Print a line to standard error; where that cannot be written, nobody is there to be told."""
    try:
        print(shown(message), file=sys.stderr, flush=True)
    except OSError:
        give_up(sys.stderr)


def give_up(stream: TextIO) -> None:
    """Lead a stream nowhere, so that what waits in it fails neither now nor when the program ends."""
    with suppress(OSError, ValueError):  # in tests it may be no file
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
