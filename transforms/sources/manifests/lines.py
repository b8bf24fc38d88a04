"""Lines of text, as any program ends them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO


def lines_of(file: BinaryIO, most_bytes: int) -> Iterator[bytes]:
    """The lines of a file with their ends: a line feed, a carriage return, or both.

    Some programs end lines with a carriage return alone.

    Args:
        file: The file, from where it stands.
        most_bytes: What is longer comes cut to so much or a little more, and once.
    """
    rest, is_cut = b"", False
    while block := file.readline(most_bytes):
        *lines, rest = (rest + block).splitlines(keepends=True)
        if rest.endswith(b"\n"):  # behind a carriage return a line feed may follow yet
            lines.append(rest)
            rest = b""
        if lines and is_cut:
            del lines[0]
            is_cut = False
        yield from lines
        if len(rest) >= most_bytes:
            if not is_cut:
                yield rest
            rest, is_cut = b"", True
    if rest and not is_cut:
        yield rest
