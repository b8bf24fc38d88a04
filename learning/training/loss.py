"""The loss: binary cross-entropy of each label by itself, over the labels that are known."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional


def masked_loss(logits: Tensor, labels: Tensor, positive_weights: Tensor) -> Tensor:
    """Mean binary cross-entropy over all labels that are known; 0 if none is.

    Args:
        logits: float32 [batch, labels].
        labels: int8 [batch, labels]; those that are 0 are unknown, and neither right nor wrong.
        positive_weights: float32 [labels]: what a positive counts for beside a negative.

    Example:
        >>> import torch
        >>> masked_loss(torch.tensor([[9.0, 9.0]]), torch.tensor([[1, 0]]), torch.ones(2)).item() < 0.001
        True
    """
    known = (labels != 0).float()
    each = functional.binary_cross_entropy_with_logits(
        logits, (labels > 0).float(), pos_weight=positive_weights, reduction="none"
    )
    return (each * known).sum() / known.sum().clamp(min=1)


def positive_weights(positives: Sequence[int], negatives: Sequence[int], limit: float) -> list[float]:
    """What a positive of each label counts for beside a negative: the square root of their odds, bounded.

    The whole odds would make a rare label's few positives drown everything else that they could teach. The
    probabilities that come out are shifted by this; calibration puts them right.

    Args:
        positives: Training tracks for which each label holds; none is 0.
        negatives: Training tracks for which it does not.
        limit: The most that a positive may count for.

    Example:
        >>> positive_weights([10, 50, 1], [40, 50, 900], limit=4.0)
        [2.0, 1.0, 4.0]
    """
    odds = (math.sqrt(without / holding) for holding, without in zip(positives, negatives, strict=True))
    return [min(max(weight, 1.0), limit) for weight in odds]
