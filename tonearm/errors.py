"""Errors that end the command, and the exit codes that scripts can trust.

Every error that a user is to read derives from :class:`TonearmError` and says with which code the command
ends. ``pipelines/main.py`` catches it, once. The
error of one track is a ``TrackError`` and ends nothing; its words are in
``transforms/elements/error_words.py``.
"""

from __future__ import annotations

import signal
from typing import ClassVar

EXIT_OK = 0
"""The run is whole, even if tracks failed."""

EXIT_BROKEN = 1
"""The run broke off, or too many tracks failed."""

EXIT_WRONG_CALL = 2
"""The command line, the input, the tagger or the output cannot be as given."""


class TonearmError(Exception):
    """The command cannot go on; the message tells people what happened and what to do.

    Attributes:
        exit_code: What the command ends with.
    """

    exit_code: ClassVar[int] = EXIT_BROKEN


class MachineError(TonearmError):
    """This machine cannot do what every track needs; no track is to blame, and the run ends."""


class StoppedError(BaseException):
    """A signal ended the command before its work was done.

    No ``Exception``, so that no library takes it for its own.

    Args:
        number: The signal.
        state: What there is by then, for people; nothing if the work was not begun.

    Attributes:
        exit_code: 130 for Ctrl-C, 143 for SIGTERM, as shells have it.
    """

    def __init__(self, number: signal.Signals, state: str = "") -> None:
        super().__init__(f"stopped by {number.name}{state}")
        self.exit_code = 128 + number


class WrongCallError(TonearmError):
    """The call cannot be carried out as given; the message says what to mend."""

    exit_code = EXIT_WRONG_CALL
