"""Keeps a training's checkpoints: when one is due, which one it goes on from, what a signal does."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tonearm.errors import StoppedError
from tonearm.learning.training.call import Listener
from tonearm.learning.training.checkpoints import (
    CheckpointError,
    load_checkpoint,
    save_checkpoint,
    write_whole,
    writing_to,
)
from tonearm.learning.training.machine import surroundings
from tonearm.learning.training.outcome.provenance import code_sha256
from tonearm.learning.training.state import StateError, TrainingState

_logger = logging.getLogger(__name__)


class Keeper:
    """Saves checkpoints: now and then, after each round, and when a signal asks to stop.

    Args:
        folder: Where to.
        arguments: What the training is, see :func:`.checkpoints.save_checkpoint`.
        interval_s: Seconds between two.
        listener: Is told of all that happens.
    """

    def __init__(
        self, folder: Path, arguments: Mapping[str, Any], interval_s: float, listener: Listener
    ) -> None:
        self._folder = folder
        self._arguments = arguments
        self._interval_s = interval_s
        self._listener = listener
        self._saved_at = 0.0

    def begin(self, state: TrainingState) -> None:
        """Go back to the newest checkpoint; save one if there is none, to find a full disk at once."""
        found = load_checkpoint(self._folder, self._arguments)
        if found is None:
            self._save(state)
            return
        try:
            state.restore(found["state"])
        except (StateError, KeyError) as error:
            raise CheckpointError(
                f"the checkpoint in {self._folder} cannot be used: {error}. Remove the folder to begin anew"
            ) from error
        before, now = found.get("surroundings"), _surroundings()
        if before != now:
            _logger.warning(
                "the checkpoint was made with %s; here are %s: the last bits may differ", before, now
            )
        self._saved_at = time.monotonic()

    def between(self, state: TrainingState) -> None:
        """See :class:`.loop.Watcher`."""
        self._listener.went_on(state)
        if number := self._listener.stopped_by():
            self._save(state)
            raise StoppedError(
                number,
                f": {self._folder} has all up to step {state.step}; the same call with --resume goes on",
            )
        if time.monotonic() - self._saved_at >= self._interval_s:
            self._save(state)

    def epoch_ended(self, state: TrainingState) -> None:
        """See :class:`.loop.Watcher`; the history is written, too, for people to look at meanwhile."""
        self._save(state)
        lines = "".join(f"{json.dumps(record)}\n" for record in state.history)
        with writing_to(self._folder):
            write_whole(self._folder / "history.jsonl", lines.encode())
        self._listener.epoch_ended(state)

    def _save(self, state: TrainingState) -> None:
        content = {"state": state.content(), "surroundings": _surroundings()}
        save_checkpoint(self._folder, state.step, self._arguments, content)
        self._saved_at = time.monotonic()


def _surroundings() -> dict[str, str]:
    """What the last bits depend on beside the arguments; another one is told, and not refused."""
    return {"code": code_sha256()[:12], **surroundings()}
