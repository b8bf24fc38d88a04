"""Trainings for tests: calls with small settings, and a listener that can stop or break one."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tonearm.learning.training.call import TrainingCall
from tonearm.learning.training.inputs.vocabulary import of_one_facet
from tonearm.learning.training.machine import Machine
from tonearm.learning.training.settings import TrainingSettings
from tonearm.learning.training.start import Base, Tune
from tonearm.learning.training.state import TrainingState


def training_call(
    dataset: Path | str, output: Path, *, base: Base | None = None, **values: Any
) -> TrainingCall:
    """A call for two rounds of small batches; ``values`` are settings, or fields of the call."""
    settings = {"epochs": 2, "batch": 8, "patches_per_track": 2, "learning_rate": 0.003}
    fields = {
        "dataset": str(dataset),
        "output": output,
        "name": "planted",
        "version": "1",
        "architecture": "short_chunk",
        "tune": Tune.HEAD if base else Tune.SCRATCH,
        "base": base,
        "meanings_of": partial(of_one_facet, facet="instrument"),
        "min_positives": None,
        "machine": Machine("cpu", "float32", 1),
        "resume": False,
        "checkpoint_s": 3600.0,
    }
    fields |= {name: values.pop(name) for name in list(values) if name in fields}
    return TrainingCall(settings=TrainingSettings(**(settings | values)), **fields)  # type: ignore[arg-type]


class BrokenError(Exception):
    """Stands for whatever ends a process from one moment to the next."""


class Listening:
    """Counts steps; breaks or stops the training after one of them.

    Args:
        break_at: The step after which an error comes up.
        stop_at: The step after which SIGTERM came.
    """

    def __init__(self, *, break_at: int | None = None, stop_at: int | None = None) -> None:
        self.steps = 0
        self.first_step = 0
        self.last_step = 0
        self._break_at = break_at
        self._stop_at = stop_at

    def begun(self, steps: int, state: TrainingState) -> None:
        """See :class:`tonearm.learning.training.call.Listener`."""
        self.steps, self.first_step, self.last_step = steps, state.step, state.step

    def went_on(self, state: TrainingState) -> None:
        """See :class:`tonearm.learning.training.call.Listener`."""
        self.last_step = state.step
        if self._break_at is not None and state.step >= self._break_at:
            raise BrokenError

    def epoch_ended(self, state: TrainingState) -> None:
        """See :class:`tonearm.learning.training.call.Listener`."""

    def stopped_by(self) -> signal.Signals | None:
        """See :class:`tonearm.learning.training.call.Listener`."""
        return signal.SIGTERM if self._stop_at is not None and self.last_step >= self._stop_at else None


@contextmanager
def no_file_longer_than(size: int) -> Iterator[None]:
    """Have the system refuse to write longer files, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
