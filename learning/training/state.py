"""Where a training stands: all that a checkpoint holds and that going on needs."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from tonearm.learning.training.optimisation import optimiser_for
from tonearm.learning.training.settings import TrainingSettings


class StateError(ValueError):
    """What should be a state is none of this training."""


class TrainingState:
    """Weights, their average, the optimiser, the place in the data, and what was seen so far.

    Random numbers are no part of it: each step's depend on its place alone
    (:func:`.settings.random_numbers`).

    Args:
        module: What learns, on its device.
        settings: Of the training.

    Attributes:
        module: What learns.
        average: The running average of its weights, which is validated and kept.
        optimiser: Of the weights that learn.
        epoch: Rounds that are over, with their validation.
        batch: Steps done in the round that is not over.
        step: Steps done in all.
        loss_sum: Sum of the losses of this round's steps.
        history: A record of each round that is over.
        best: The average of the round with the best validation; None before the first.
    """

    def __init__(self, module: nn.Module, settings: TrainingSettings) -> None:
        self.module = module
        self.average = copy.deepcopy(module).eval().requires_grad_(False)
        self.optimiser = optimiser_for(module, settings)
        self.epoch = self.batch = self.step = 0
        self.loss_sum = 0.0
        self.history: list[dict[str, Any]] = []
        self.best: dict[str, Tensor] | None = None

    @property
    def best_epoch(self) -> int:
        """The round with the best validation, from 1; the first of them if several are alike."""
        return max(range(len(self.history)), key=lambda epoch: self.history[epoch]["pr_auc"]) + 1

    @property
    def epochs_without_gain(self) -> int:
        """Rounds since the best one."""
        return self.epoch - self.best_epoch if self.history else 0

    def end_epoch(self, record: Mapping[str, Any]) -> None:
        """Enter a round's record, and keep its average if none was better.

        Args:
            record: With ``pr_auc``, the figure that decides.
        """
        self.history.append({"epoch": self.epoch + 1, **record})
        self.epoch += 1
        self.batch, self.loss_sum = 0, 0.0
        if self.best_epoch == self.epoch:
            self.best = {name: values.cpu().clone() for name, values in self.average.state_dict().items()}

    def content(self) -> dict[str, Any]:
        """All of it as tensors, numbers, texts, lists and dictionaries."""
        return {
            "module": self.module.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict()["state"],
            "best": self.best,
            "epoch": self.epoch,
            "batch": self.batch,
            "step": self.step,
            "loss_sum": self.loss_sum,
            "history": self.history,
        }

    def restore(self, content: Mapping[str, Any]) -> None:
        """Go back to where :meth:`content` was made; all of it is checked before anything is changed.

        Raises:
            StateError: It is of another network, or none at all.
        """
        for name in ("epoch", "batch", "step"):
            _require(type(content.get(name)) is int and content[name] >= 0, name)
        loss_sum = content.get("loss_sum")
        _require(isinstance(loss_sum, float) and math.isfinite(loss_sum), "loss_sum")
        _require_history(content.get("history"), content["epoch"])
        expected = self.module.state_dict()
        for name in ("module", "average") + (("best",) if content["epoch"] else ()):
            _require_alike(content.get(name), expected, name)
        self._require_optimiser(content.get("optimiser"), begun=content["step"] > 0)
        self.module.load_state_dict(content["module"])
        self.average.load_state_dict(content["average"])
        groups = self.optimiser.state_dict()["param_groups"]
        self.optimiser.load_state_dict({"state": content["optimiser"], "param_groups": groups})
        self.best = content["best"]
        self.epoch, self.batch, self.step = content["epoch"], content["batch"], content["step"]
        self.loss_sum = content["loss_sum"]
        self.history = list(content["history"])

    def _require_optimiser(self, found: object, *, begun: bool) -> None:
        learning = [values for group in self.optimiser.param_groups for values in group["params"]]
        if not isinstance(found, dict) or set(found) != (set(range(len(learning))) if begun else set()):
            raise StateError("its optimiser is of another network")
        for place, moments in found.items():
            like = learning[place]
            expected = {"step": torch.zeros(()), "exp_avg": like, "exp_avg_sq": like}
            _require_alike(moments, expected, "optimiser")


def _require(holds: bool, name: str) -> None:
    if not holds:
        raise StateError(f"its {name} cannot be right")


def _require_history(found: object, epochs: int) -> None:
    _require(isinstance(found, list) and len(found) == epochs, "history")
    assert isinstance(found, list)
    for record in found:
        figure = record.get("pr_auc") if isinstance(record, dict) else None
        _require(isinstance(figure, float) and math.isfinite(figure), "history")


def _require_alike(found: object, expected: Mapping[str, Tensor], name: str) -> None:
    """Tensors of the same names, shapes and types, without values that are not finite."""
    if not isinstance(found, dict) or found.keys() != expected.keys():
        raise StateError(f"its {name} is of another network")
    for key, values in found.items():
        like = expected[key]
        if not isinstance(values, Tensor) or values.shape != like.shape or values.dtype != like.dtype:
            raise StateError(f"its {name}, {key}, is of another network")
        if not bool(torch.isfinite(values).all()):
            raise StateError(f"its {name}, {key}, holds values that are not finite")
