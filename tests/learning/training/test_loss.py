"""The loss: what is not known teaches nothing, and rare labels count for more, within bounds."""

from __future__ import annotations

import torch

from tonearm.learning.training.loss import masked_loss, positive_weights


def test_unknown_labels_teach_nothing() -> None:
    logits = torch.tensor([[0.3, -2.0, 1.0], [0.1, 0.2, 0.3]], requires_grad=True)
    masked_loss(logits, torch.tensor([[1, 0, -1], [0, 0, 0]], dtype=torch.int8), torch.ones(3)).backward()
    assert logits.grad is not None
    assert logits.grad[0, 1] == 0 and (logits.grad[1] == 0).all()
    assert logits.grad[0, 0] < 0 < logits.grad[0, 2]


def test_a_batch_of_which_nothing_is_known_is_no_error() -> None:
    assert masked_loss(torch.ones(2, 3), torch.zeros(2, 3, dtype=torch.int8), torch.ones(3)).item() == 0


def test_weights_of_positives_are_bounded_and_never_below_one() -> None:
    assert positive_weights([1, 100, 4], [10_000, 1, 36], limit=5.0) == [5.0, 1.0, 3.0]
    assert positive_weights([1], [10_000], limit=1.0) == [1.0]
