"""The loop: a round over the training tracks, a validation, and again, until it does not get better."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from tonearm.learning.training.augmentation import augment
from tonearm.learning.training.inputs.batches import Batch, Shards, batches, batches_in_epoch
from tonearm.learning.training.loss import masked_loss
from tonearm.learning.training.machine import Machine
from tonearm.learning.training.optimisation import follow, learning_rate, set_learning_rate
from tonearm.learning.training.settings import TrainingSettings, random_numbers
from tonearm.learning.training.state import TrainingState
from tonearm.learning.training.validation import DivergedError, score_tracks

_STEEPEST = 5.0
"""The norm that gradients are cut to, so that one odd batch does not undo an epoch."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is learned from.

    Attributes:
        training: The tracks to learn from.
        validation: The tracks that tell how well it goes.
        samples: Patches of a round.
        positive_weights: By label, see :func:`.loss.positive_weights`.
        are_patches: False if the inputs are embeddings, which are not augmented.
    """

    training: Shards
    validation: Shards
    samples: int
    positive_weights: list[float]
    are_patches: bool

    def steps_in_epoch(self, settings: TrainingSettings) -> int:
        """Steps of a round."""
        return batches_in_epoch(self.samples, settings.batch)


class Watcher(Protocol):
    """What wants to know how it goes, and may stop it."""

    def between(self, state: TrainingState) -> None:
        """Called between two steps, and between batches of a validation; may raise to stop."""

    def epoch_ended(self, state: TrainingState) -> None:
        """Called after each round, with its record in ``state.history``."""


def train_epochs(
    state: TrainingState, task: Task, settings: TrainingSettings, machine: Machine, watcher: Watcher
) -> None:
    """Train until all rounds are done, or until validation has not become better for some rounds.

    Args:
        state: Where to go on from; moved on.
        task: The tracks.
        settings: How.
        machine: Where; its settings are in force.
        watcher: Is told, and may raise.

    Raises:
        DivergedError: The loss is no number any more.
    """
    while state.epoch < settings.epochs and state.epochs_without_gain < settings.patience:
        begun, used = time.monotonic(), time.process_time()
        _train_epoch(state, task, settings, machine, watcher)
        steps, loss_sum = state.batch, state.loss_sum
        scored = score_tracks(state.average, task.validation, machine.device, lambda: watcher.between(state))
        state.end_epoch(
            {
                "step": state.step,
                "loss": loss_sum / max(steps, 1),
                "pr_auc": scored.pr_auc,
                "roc_auc": scored.roc_auc,
                "seconds": round(time.monotonic() - begun, 3),
                "processor_s": round(time.process_time() - used, 3),
            }
        )
        watcher.epoch_ended(state)


def _train_epoch(
    state: TrainingState, task: Task, settings: TrainingSettings, machine: Machine, watcher: Watcher
) -> None:
    """The steps of a round that are not done yet; those that are done are read again and passed over."""
    steps = settings.epochs * task.steps_in_epoch(settings)
    weights = torch.tensor(task.positive_weights, device=machine.device)
    state.module.train()
    for place, batch in enumerate(batches(task.training, settings, state.epoch)):
        if place < state.batch:
            continue
        set_learning_rate(state.optimiser, learning_rate(state.step, steps, settings))
        state.loss_sum += _step(state, batch, weights, task, settings, machine)
        state.batch += 1
        state.step += 1
        watcher.between(state)


def _step(
    state: TrainingState,
    batch: Batch,
    weights: Tensor,
    task: Task,
    settings: TrainingSettings,
    machine: Machine,
) -> float:
    numbers = random_numbers(settings.seed, "step", state.step)
    torch.manual_seed(int(numbers.integers(2**62)))  # for dropout
    inputs = torch.from_numpy(batch.inputs).to(machine.device)
    labels = torch.from_numpy(batch.labels).to(machine.device)
    if task.are_patches and settings.alters_patches:
        inputs, labels = augment(inputs, labels, settings, numbers)
    with machine.rounding:
        logits = state.module(inputs)
    loss = masked_loss(logits.float(), labels, weights)
    value = loss.item()
    if not math.isfinite(value):
        raise DivergedError(
            f"at step {state.step + 1} the loss is {value}: begin anew with a lower --learning_rate"
        )
    state.optimiser.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(state.module.parameters(), _STEEPEST)
    state.optimiser.step()
    follow(state.average, state.module, state.step, settings.average_decay)
    return value
