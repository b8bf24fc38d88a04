"""What a call asks of a training, and who is told how it goes."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tonearm.learning.training.inputs.vocabulary import Meaning
from tonearm.learning.training.machine import Machine
from tonearm.learning.training.settings import TrainingSettings
from tonearm.learning.training.start import Base, Tune
from tonearm.learning.training.state import TrainingState


@dataclass(frozen=True, slots=True)
class TrainingCall:
    """What is asked for.

    Attributes:
        dataset: Folder or URL of a built data set.
        output: Folder of the bundle that is to be; must not be there.
        name: The new tagger's.
        version: The new tagger's.
        architecture: Of ``ARCHITECTURES``.
        tune: Which weights learn.
        base: The network to begin with; None from scratch.
        meanings_of: Says what labels mean.
        min_positives: See :func:`.inputs.survey.learnable_labels`.
        settings: How to train.
        machine: Where.
        resume: True to go on from a checkpoint, if there is one.
        checkpoint_s: Seconds between checkpoints; there is one after each round in any case.
    """

    dataset: str
    output: Path
    name: str
    version: str
    architecture: str
    tune: Tune
    base: Base | None
    meanings_of: Callable[[Sequence[str]], tuple[Meaning, ...]]
    min_positives: int | None
    settings: TrainingSettings
    machine: Machine
    resume: bool
    checkpoint_s: float


class Listener(Protocol):
    """Is told how it goes, and says when to stop."""

    def begun(self, steps: int, state: TrainingState) -> None:
        """Called before the first step, with the number of all steps if it is not stopped early."""

    def went_on(self, state: TrainingState) -> None:
        """Called after each step, and between batches of a validation."""

    def epoch_ended(self, state: TrainingState) -> None:
        """Called after each round, with its record in ``state.history``."""

    def stopped_by(self) -> signal.Signals | None:
        """The signal that asked to stop; None if none did."""
