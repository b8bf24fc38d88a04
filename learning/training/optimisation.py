"""How weights move: AdamW, the schedule of its learning rate, and the average that is kept of them."""

from __future__ import annotations

import math

import torch
from torch import nn

from tonearm.learning.training.settings import TrainingSettings


def optimiser_for(module: nn.Module, settings: TrainingSettings) -> torch.optim.AdamW:
    """AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101); biases and norms are not decayed."""
    learning = [values for values in module.parameters() if values.requires_grad]
    kernels = [values for values in learning if values.ndim > 1]
    others = [values for values in learning if values.ndim <= 1]
    return torch.optim.AdamW(
        [
            {"params": kernels, "weight_decay": settings.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ],
        lr=settings.learning_rate,
    )


def learning_rate(step: int, steps: int, settings: TrainingSettings) -> float:
    """The learning rate of a step: a straight rise, then half a cosine down to zero.

    Args:
        step: From 0.
        steps: All steps, if it is not stopped early.
        settings: The highest rate, and the share of the rise.

    Example:
        >>> settings = TrainingSettings(learning_rate=1.0, warm_up=0.1)
        >>> [round(learning_rate(step, 100, settings), 2) for step in (0, 9, 55, 99)]
        [0.1, 1.0, 0.5, 0.0]
    """
    rise = max(1, round(settings.warm_up * steps))
    if step < rise:
        return settings.learning_rate * (step + 1) / rise
    part = (step - rise) / max(1, steps - rise)
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * part))


def set_learning_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Use a learning rate from the next step on."""
    for group in optimiser.param_groups:
        group["lr"] = rate


@torch.no_grad()
def follow(average: nn.Module, module: nn.Module, step: int, decay: float) -> None:
    """Move an average of weights, and of batch norms' statistics, towards the weights of now.

    Over the first steps the average is shorter, so that it does not hold on to where training began.

    Args:
        average: Of the same kind as ``module``.
        module: What learns.
        step: From 0.
        decay: What stays of the average.
    """
    share = 1 - min(decay, (1 + step) / (10 + step))
    averages, values = average.state_dict(), module.state_dict()
    moving = [name for name, value in values.items() if value.is_floating_point()]
    torch._foreach_lerp_([averages[name] for name in moving], [values[name] for name in moving], share)
    for name in values.keys() - set(moving):
        averages[name].copy_(values[name])
