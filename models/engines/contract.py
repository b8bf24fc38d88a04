"""What every engine offers, and the precisions that there are."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from tonearm.errors import WrongCallError

Array = npt.NDArray[np.float32]

PRECISIONS = ("float32", "bf16")


class PrecisionError(WrongCallError):
    """A precision that is unknown or that this machine lacks; the message says what to do."""


class Engine(Protocol):
    """Runs all networks of a tagger; safe to call from several threads."""

    @property
    def device(self) -> str:
        """Where it runs: ``cpu``, ``cuda``."""

    def infer(self, patches: Array) -> tuple[Array, Array]:
        """Score patches.

        Args:
            patches: float32 [patches, frames, bands].

        Returns:
            Scores float32 [patches, units] and embeddings float32 [patches, dim].
        """
