"""What a training has to learn from, once it is known to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tonearm.learning.datasets.reading import Dataset
from tonearm.learning.training.inputs.survey import Survey
from tonearm.learning.training.inputs.vocabulary import Meaning


@dataclass(frozen=True, slots=True)
class Material:
    """A data set that was looked through.

    Attributes:
        dataset: Opened for training and validation.
        training: What there is to learn from.
        validation: What there is to judge by.
        kept: The places of the labels that are trained, in the data set's vocabulary.
        meanings: What these labels mean.
    """

    dataset: Dataset
    training: Survey
    validation: Survey
    kept: Sequence[int]
    meanings: tuple[Meaning, ...]
