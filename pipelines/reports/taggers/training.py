"""What people see of a training: how far it is, how long it takes yet, and what it came to."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from rich.table import Table

from tonearm.learning.training.state import TrainingState
from tonearm.pipelines.reports.printing import printing, say
from tonearm.pipelines.runs.first_signal import first_signal_answered

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

    from tonearm.learning.training.outcome.writing import Trained

_SECONDS_BETWEEN_LINES = 30


class TrainingShown:
    """Prints a line after each round and every half minute; remembers the signal that asks to stop.

    Args:
        epochs: Rounds at most.
        curves: Gets the figures of each round, too.
    """

    def __init__(self, epochs: int, curves: SummaryWriter | None) -> None:
        self._epochs = epochs
        self._curves = curves
        self._steps = self._first_step = 0
        self._begun = self._told = time.monotonic()
        self._signal: signal.Signals | None = None

    def begun(self, steps: int, state: TrainingState) -> None:
        """See :class:`tonearm.learning.training.call.Listener`."""
        self._steps, self._first_step = steps, state.step
        self._begun = self._told = time.monotonic()
        if state.step:
            say(f"goes on at epoch {state.epoch + 1}, step {state.step:,} of {steps:,}")

    def went_on(self, state: TrainingState) -> None:
        """See :class:`tonearm.learning.training.call.Listener`."""
        if time.monotonic() - self._told >= _SECONDS_BETWEEN_LINES:
            self._told = time.monotonic()
            loss = f", loss {state.loss_sum / state.batch:.3f}" if state.batch else ""
            say(
                f"epoch {state.epoch + 1}/{self._epochs}, step "
                f"{state.step:,}/{self._steps:,}{loss}{self._left(state)}"
            )

    def epoch_ended(self, state: TrainingState) -> None:
        """See :class:`tonearm.learning.training.call.Listener`."""
        self._told = time.monotonic()
        record = state.history[-1]
        say(
            f"epoch {state.epoch}/{self._epochs}: loss {record['loss']:.3f}, validation PR-AUC "
            f"{record['pr_auc']:.3f}, "
            f"ROC-AUC {record['roc_auc']:.3f} (best: epoch {state.best_epoch}){self._left(state)}"
        )
        if self._curves:
            for name in ("loss", "pr_auc", "roc_auc"):
                self._curves.add_scalar(name, record[name], state.step)
            self._curves.flush()

    def stopped_by(self) -> signal.Signals | None:
        """See :class:`tonearm.learning.training.call.Listener`."""
        return self._signal

    def answer(self, number: signal.Signals) -> None:
        """Remember a signal; the training stops after the step that it is in."""
        self._signal = number
        say("stopping: a checkpoint is saved first; again to stop at once")

    def _left(self, state: TrainingState) -> str:
        """Time until the last step, at the pace so far; less if it is stopped early."""
        done = state.step - self._first_step
        if not done:
            return ""
        seconds = (time.monotonic() - self._begun) / done * (self._steps - state.step)
        return f", {time_left(seconds)} left at most"


def time_left(seconds: float) -> str:
    """A time for people.

    >>> time_left(42), time_left(600), time_left(9000)
    ('42 s', '10 min', '2.5 h')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


@contextmanager
def training_shown(epochs: int, tensorboard: str | None) -> Iterator[TrainingShown]:
    """Show a training, and answer Ctrl-C and SIGTERM, for as long as the block lasts.

    Args:
        epochs: Rounds at most.
        tensorboard: Folder for its curves; None for none.
    """
    with ExitStack() as stack:
        curves = None
        if tensorboard:
            from torch.utils.tensorboard import SummaryWriter

            curves = stack.enter_context(SummaryWriter(tensorboard))
        shown = TrainingShown(epochs, curves)
        stack.enter_context(first_signal_answered(shown.answer))
        yield shown


def print_trained(trained: Trained) -> None:
    """Print where the bundle is and how well it does on the validation tracks."""
    figures = trained.figures
    table = Table("tag", "facet", "tracks", "ROC-AUC", "PR-AUC", "threshold", box=None)
    for tag in figures.tags:
        numbers = (_figure(value) for value in (tag.roc_auc, tag.pr_auc, tag.threshold))
        table.add_row(tag.tag, tag.facet, str(tag.positives), *numbers)
    with printing() as console:
        console.print(table)
        console.print(
            f"{trained.tagger.folder}: {trained.tagger.identity}, epoch {trained.best_epoch} of "
            f"{trained.epochs}; on "
            f"{figures.tracks:,} validation tracks PR-AUC {figures.pr_auc:.3f}, ROC-AUC "
            f"{figures.roc_auc:.3f}",
            markup=False,
            soft_wrap=True,
        )


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
