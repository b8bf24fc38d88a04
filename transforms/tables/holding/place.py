"""One place of an output: the note that lies there, and how to tell whether its run is alive."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tonearm.transforms.storage.contract import Contents, StorageError
from tonearm.transforms.tables.contract import NoteBoard, OutputError, OutputInUseError
from tonearm.transforms.tables.holding.holder import Holder

DEAD_SECONDS = 120.0
"""A run that has given no sign of life for so long counts as dead."""

LOOK_SECONDS = 0.5
"""Between two looks at the note of another run."""

_logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Place:
    """One place of an output, and the notes seen there.

    Attributes:
        board: Where the note lies.
        ours: Our note, as it was last seen; None while we do not hold the place.
        found: The note of another run that lies there without changing; None if there is none.
    """

    board: NoteBoard
    ours: Contents | None = None
    found: Contents | None = None

    def wait_until_free(self) -> None:
        """Wait until nobody holds the place, or its holder counts as dead.

        Raises:
            OutputInUseError: It gives signs of life.
            OutputError: The note cannot be read.
        """
        with self._errors_named():
            self.found, since = self.board.read(), time.monotonic()
            if self.found is not None and not self._is_free():
                _logger.warning(
                    "%s: %s was writing there; looking for a sign of life, for %.0f s at most",
                    *(self.board.location, Holder.of(self.found.content), DEAD_SECONDS),
                )
        while not (self._is_free() or time.monotonic() - since > DEAD_SECONDS):
            time.sleep(LOOK_SECONDS)
            self.look_again()

    def look_again(self) -> None:
        """See whether a note has come, has changed or is gone.

        Raises:
            OutputInUseError: It has come or changed.
            OutputError: It cannot be read.
        """
        with self._errors_named():
            present = self.board.read()
        if present is not None and present != self.found:
            raise self.in_use(present)
        self.found = present

    def write(self, note: bytes) -> None:
        """Write our note, unless something else lies there than what was found.

        Raises:
            OutputError: Nothing can be written there.
        """
        with self._errors_named():
            self.ours = self.board.write_if(note, self.found)

    def in_use(self, note: Contents) -> OutputInUseError:
        """Tell that the run of a note holds the place."""
        holder = Holder.of(note.content)
        times = f" since {holder.started}, and gave its last sign of life at {holder.last_sign}"
        return OutputInUseError(
            f"{self.board.location}: {holder} is writing there{times if holder.run_id else ''}. "
            "Wait for its end or stop it"
        )

    def _is_free(self) -> bool:
        """True if nobody holds the place, or the holder's process is seen to have ended.

        Raises:
            OutputInUseError: Its process is seen alive.
        """
        if self.found is None:
            return True
        holder = Holder.of(self.found.content)
        if holder.is_seen_alive():
            raise self.in_use(self.found)
        return holder.is_seen_ended()

    @contextmanager
    def _errors_named(self) -> Iterator[None]:
        try:
            yield
        except StorageError as error:
            raise OutputError(f"{self.board.location} cannot be written to: {error.message}") from error
