"""Augmentation: what is added is sound, and what is said of it stays true."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tonearm.learning.training.augmentation import augment
from tonearm.learning.training.settings import TrainingSettings, random_numbers

NOTHING = {"gain_db": 0.0, "equaliser_db": 0.0, "mix": 0.0, "mask": 0.0}
LABELS = torch.tensor([[1, -1, 0], [-1, -1, 1], [0, -1, -1], [1, 1, 0]], dtype=torch.int8)


def patches_of(power: torch.Tensor) -> torch.Tensor:
    return torch.log10(power + 1)


def power_of(patches: torch.Tensor) -> torch.Tensor:
    return 10 ** patches.double() - 1


def power() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(1).random((4, 20, 12)).astype(np.float32) * 1000)


def augmented(**values: float) -> tuple[torch.Tensor, torch.Tensor]:
    settings = TrainingSettings(**{**NOTHING, **values})  # type: ignore[arg-type]
    return augment(patches_of(power()), LABELS, settings, random_numbers(3, "step", 0))


def test_loudness_is_one_factor_of_power_within_its_bounds() -> None:
    patches, labels = augmented(gain_db=6.0)
    factors = power_of(patches) / power()
    decibels = 10 * torch.log10(factors.mean(dim=(1, 2)))
    assert (factors.std(dim=(1, 2)) / factors.mean(dim=(1, 2))).max() < 1e-3
    assert decibels.abs().max() <= 6 and decibels.std() > 0.5
    assert labels.equal(LABELS)


def test_the_equaliser_is_smooth_and_the_same_at_all_times() -> None:
    patches, _ = augmented(equaliser_db=6.0)
    decibels = 10 * torch.log10(power_of(patches) / power())
    assert decibels.std(dim=1).max() < 0.01
    curves = decibels.mean(dim=1)
    assert curves.abs().max() <= 6.01
    assert curves.std(dim=1).min() > 0.1
    assert (curves.diff(dim=1).abs()).max() <= 12 * 5 / 11 + 0.01


def test_mixing_adds_power_and_joins_what_is_known() -> None:
    patches, labels = augmented(mix=1.0)
    whole = power().double()
    for mixed, said in zip(power_of(patches), labels, strict=True):
        found = [
            (one, other)
            for one in range(4)
            for other in range(4)
            if torch.allclose(mixed, whole[one] + whole[other], rtol=1e-3)
        ]
        assert found
        one, other = found[0]
        for label in range(3):
            said_of = {int(LABELS[one, label]), int(LABELS[other, label])}
            expected = 1 if 1 in said_of else -1 if said_of == {-1} else 0
            assert said[label] == expected


def test_a_mask_silences_a_span_of_frames_and_one_of_bands() -> None:
    patches, labels = augmented(mask=0.5)
    silent = patches == 0
    assert silent.any() and not silent.all()
    assert (silent.all(dim=2).sum(dim=1) <= 10).all() and (silent.all(dim=1).sum(dim=1) <= 6).all()
    assert labels.equal(LABELS)


@pytest.mark.parametrize("silence", [0.0, 1e-6])
def test_silence_stays_silence(silence: float) -> None:
    settings = TrainingSettings()
    patches = torch.full((4, 20, 12), silence)
    heard, _ = augment(patches, LABELS, settings, random_numbers(0, "step", 1))
    assert torch.isfinite(heard).all() and heard.max() < 1e-4 and heard.min() >= 0
