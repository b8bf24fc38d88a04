"""The GPU engine: the tagger's networks in PyTorch, in device batches of one size."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from tonearm.models.bundles.tagger import Tagger
from tonearm.models.engines.arrangement import ArrangedTagger
from tonearm.models.engines.contract import Array, Engine

_logger = logging.getLogger(__name__)

_DEVICE_BATCH = 128
"""Patches that the GPU computes at once. Layers' results take 1.5 GB; on an H200 32 at once go 23 % slower,
256 go 5 % faster (benchmarks/results/nvidia_h200.md)."""

_SMALLEST_DEVICE_BATCH = 8
"""Patches; a GPU without memory for these is of no use."""


class TorchEngine:
    """Runs on a GPU, one caller at a time.

    Every batch has the same size, the last one is filled up, so that nothing is chosen, compiled or allocated
    anew as their number varies. A batch is copied from pinned memory while the one before is computed.
    """

    def __init__(
        self, tagger: Tagger, precision: str, *, device: str = "cuda", batch: int = _DEVICE_BATCH
    ) -> None:
        """Build the networks on the device.

        Args:
            tagger: The networks.
            precision: ``float32``, or ``bf16`` for 16 bits where autocast finds them safe. On a GPU these are
                float16's, which are as fast as bfloat16's and round eight times finer.
            device: ``cuda``; tests use ``cpu``.
            batch: Patches of a device batch.
        """
        self.device = device
        self._batch = batch
        self._half = precision == "bf16"
        self._turn = threading.Lock()
        self._module = ArrangedTagger(tagger).to(device)
        self._copies = torch.cuda.Stream() if device == "cuda" else None
        self._pinned: list[Tensor] = []
        self._copied: list[torch.cuda.Event | None] = [None, None]

    def infer(self, patches: Array) -> tuple[Array, Array]:
        """See :class:`Engine`; halves the device batch, for good, when memory runs out."""
        with self._turn:
            while True:
                try:
                    return self._infer_batches(torch.from_numpy(patches))
                except torch.OutOfMemoryError:
                    if self._batch // 2 < _SMALLEST_DEVICE_BATCH:
                        raise
                    self._batch //= 2

    def _infer_batches(self, patches: Tensor) -> tuple[Array, Array]:
        with (
            torch.inference_mode(),
            torch.autocast(self.device, torch.float16, enabled=self._half),
            # Without `enabled` this would turn cuDNN off; TF32 would make float32 a lie.
            torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=False),
        ):
            results = [self._module(batch) for batch in self._on_device(patches)]
        scores, embeddings = (
            torch.cat(column)[: len(patches)].float().cpu().numpy() for column in zip(*results, strict=True)
        )
        return scores, embeddings

    def _on_device(self, patches: Tensor) -> Iterator[Tensor]:
        """Yield full batches on the device; each is under way before the one ahead of it is computed."""
        if self._copies is None:
            yield from (self._filled(part) for part in patches.split(self._batch))
            return
        uploads: list[_Upload] = []
        for number, part in enumerate(patches.split(self._batch)):
            uploads.append(self._upload(part, number))
            if len(uploads) > 1:
                yield uploads.pop(0).arrived()
        yield from (upload.arrived() for upload in uploads)

    def _filled(self, part: Tensor) -> Tensor:
        full = torch.zeros(self._batch, *part.shape[1:])
        full[: len(part)] = part
        return full

    def _upload(self, part: Tensor, number: int) -> _Upload:
        """Start to copy a batch, from the one of two pinned buffers whose last copy is over."""
        assert self._copies is not None
        if not self._pinned or self._pinned[0].shape[0] != self._batch:
            self._pinned = [torch.zeros(self._batch, *part.shape[1:], pin_memory=True) for _ in range(2)]
            self._copied = [None, None]
        place = number % 2
        previous = self._copied[place]
        if previous is not None:
            previous.synchronize()
        buffer = self._pinned[place]
        buffer[: len(part)] = part
        buffer[len(part) :] = 0
        with torch.cuda.stream(self._copies):
            batch = buffer.to(self.device, non_blocking=True)
        copied = self._copies.record_event()
        self._copied[place] = copied
        return _Upload(batch, copied)


@dataclass(frozen=True, slots=True)
class _Upload:
    """A batch on its way to the device."""

    batch: Tensor
    copied: torch.cuda.Event

    def arrived(self) -> Tensor:
        """The batch, for the computing stream, which waits for the copy."""
        computing = torch.cuda.current_stream()
        computing.wait_event(self.copied)
        self.batch.record_stream(computing)  # its memory is not reused before the computation is done
        return self.batch


class FallbackEngine:
    """A GPU engine until the GPU fails, a CPU engine from then on; says so once."""

    def __init__(self, gpu: Callable[[], Engine], cpu: Callable[[], Engine]) -> None:
        self._cpu = cpu
        self._falling = threading.Lock()
        self._fallen = False
        try:
            self._engine = gpu()
        except RuntimeError as error:  # what CUDA raises when it fails to start
            self._fall_back(error)

    @property
    def device(self) -> str:
        """Where it runs now."""
        return self._engine.device

    def infer(self, patches: Array) -> tuple[Array, Array]:
        """See :class:`Engine`."""
        engine = self._engine
        try:
            return engine.infer(patches)
        except RuntimeError as error:  # CUDA, cuDNN, cuBLAS; a mistake of ours fails on the CPU again
            self._fall_back(error)
            return self._engine.infer(patches)

    def _fall_back(self, error: RuntimeError) -> None:
        with self._falling:
            if not self._fallen:
                reason = str(error).partition("\n")[0]
                _logger.warning("The GPU cannot be used (%s); the CPU takes over, which is slower.", reason)
                self._engine = self._cpu()
                self._fallen = True
