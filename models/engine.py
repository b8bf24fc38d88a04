"""Engines: what runs a tagger's networks over patches, and the one copy of it that a process shares."""

from __future__ import annotations

import threading
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from models.bundle import Tagger

Array = npt.NDArray[np.float32]


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
            Scores float32 [patches, outputs] and embeddings float32 [patches, dim].
        """


class TorchEngine:
    """The PyTorch definition itself, eager."""

    device = "cpu"

    _BATCH = 2
    """Larger batches thrash the allocator and the cache: 42x real time at 8 patches, 100x at 2."""

    def __init__(self, tagger: Tagger) -> None:
        self._networks = tagger.build_networks()

    def infer(self, patches: Array) -> tuple[Array, Array]:
        """See :class:`Engine`."""
        with torch.inference_mode():
            batches = [self._infer_batch(batch) for batch in torch.from_numpy(patches).split(self._BATCH)]
        scores, embeddings = (torch.cat(column).numpy() for column in zip(*batches, strict=True))
        return scores, embeddings

    def _infer_batch(self, batch: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        results = [network(batch) for network in self._networks]
        scores, embeddings = (torch.cat(column, dim=1) for column in zip(*results, strict=True))
        return scores, embeddings


_shared: dict[tuple[str, str], Engine] = {}
_shared_lock = threading.Lock()


def shared_engine(tagger: Tagger, precision: str) -> Engine:
    """The process's one engine for a tagger and a precision; built at the first call, kept over waves."""
    key = (tagger.bundle_hash, precision)
    with _shared_lock:
        if key not in _shared:
            _shared[key] = TorchEngine(tagger)
        return _shared[key]
