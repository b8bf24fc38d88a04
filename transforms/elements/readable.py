"""Names of files as text that any table or file can hold: a name is bytes, and need not be UTF-8."""

from __future__ import annotations

import os


def readable(text: str) -> str:
    r"""Text that any table can store: bytes of a file name that are no UTF-8 become U+FFFD.

    >>> readable("caf\udce9.mp3")
    'caf\ufffd.mp3'
    """
    return os.fsencode(text).decode("utf-8", "replace")
