"""Opening a file that is surely one: what could block for ever is refused."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import Stage, TrackError


def open_regular_file(path: str | Path) -> int:
    """Open a file for reading; a pipe or a device, which could block for ever, is refused.

    Returns:
        Its descriptor, the caller's to close.

    Raises:
        TrackError: ``not_found``, ``forbidden`` or ``unreadable``.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise TrackError(Stage.DECODE, ErrorWord.NOT_FOUND, "there is no such file") from error
    except PermissionError as error:
        raise TrackError(Stage.DECODE, ErrorWord.FORBIDDEN, "the file may not be read") from error
    except (OSError, ValueError) as error:
        raise TrackError(Stage.DECODE, ErrorWord.UNREADABLE, f"the file cannot be opened: {error}") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise TrackError(Stage.DECODE, ErrorWord.UNREADABLE, "not a regular file")
    return descriptor
