"""The settings of a training: all that decides, beside the data set, which weights come out."""

from __future__ import annotations

import zlib
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """What a training does; recorded in its checkpoints and in its bundle.

    The defaults are those that did best in the worked example (``docs/learning.md``), whose training is
    short: one that has time for many rounds over the same tracks bears more ``mix`` and ``dropout``.

    Attributes:
        epochs: Rounds over the training tracks at most.
        patience: Rounds without a better validation after which it stops early.
        batch: Patches of a step.
        patches_per_track: Patches that a round takes of each track, at random; all, if it has fewer.
        learning_rate: The highest one of the schedule.
        warm_up: Share of the steps over which the learning rate rises to it; it falls as a cosine from there
            on.
        weight_decay: AdamW's; biases and norms are left out.
        dropout: Share of the embedding's values that are left out at random at each step.
        average_decay: What of the average of weights stays at each step; it is what is validated and kept.
        positive_weight_limit: The most that a positive counts for beside a negative, for rare labels.
        gain_db: Loudness is changed at random by up to this, either way.
        equaliser_db: The same for parts of the spectrum, smoothly.
        mix: Share of patches that another patch of the batch is added to.
        mask: Widest span of bands and of frames that is silenced, as a share of the patch; 0 for none.
        memory_megabytes: Memory for patches: a data set that fits stays in it; of a larger one so much waits
            to be mixed with patches of other shards.
        seed: Decides all that is random.
    """

    epochs: int = 30
    patience: int = 8
    batch: int = 16
    patches_per_track: int = 4
    learning_rate: float = 3e-3
    warm_up: float = 0.05
    weight_decay: float = 0.01
    dropout: float = 0.1
    average_decay: float = 0.998
    positive_weight_limit: float = 4.0
    gain_db: float = 6.0
    equaliser_db: float = 6.0
    mix: float = 0.1
    mask: float = 0.0
    memory_megabytes: int = 2000
    seed: int = 0

    def as_json(self) -> dict[str, Any]:
        """The settings by name."""
        return asdict(self)

    @property
    def alters_patches(self) -> bool:
        """True if patches are augmented in any way."""
        return any((self.gain_db, self.equaliser_db, self.mix, self.mask))


_LEARNING_RATES = {"head": 1e-3, "all": 1e-4}
"""Where not the one from scratch: a layer by itself needs less, and trained weights are moved with care."""


def default_settings(tune: str, **given: Any) -> TrainingSettings:
    """Settings for a way of training.

    Args:
        tune: See :class:`.start.Tune`.
        given: Settings that are to differ, by name.
    """
    usual = {"learning_rate": _LEARNING_RATES[tune]} if tune in _LEARNING_RATES else {}
    return TrainingSettings(**(usual | given))


SETTING_NAMES = tuple(field.name for field in fields(TrainingSettings))


def random_numbers(seed: int, purpose: str, *place: int) -> np.random.Generator:
    """Random numbers for one purpose at one place of a training.

    Each place has a generator of its own that depends on nothing before it, so that a training that goes on
    from a checkpoint draws the very numbers that it would have drawn without a stop, and nothing has to be
    saved.

    Args:
        seed: The training's.
        purpose: Such as ``order``.
        place: Such as the epoch and the step.

    Example:
        >>> [random_numbers(0, "order", 3).integers(100).item() for _ in range(2)]
        [32, 32]
    """
    return np.random.default_rng([seed, zlib.crc32(purpose.encode()), *place])
