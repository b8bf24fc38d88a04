"""The CPU engine: the tagger's networks as one OpenVINO graph, one core a caller."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np
import openvino

from models.engine import Array, PrecisionError
from models.engine_cache import cached
from models.tagger import Tagger

_GRAPH_FORMAT = 2
"""Raise it whenever ``engine_fusion`` builds another graph from the same weights."""

_PRECISION_HINTS = {"float32": "f32", "bf16": "bf16"}


class OpenVinoEngine:
    """Scores patches one at a time: what one patch needs stays in a core's cache, and no batch has a tail."""

    device = "cpu"

    def __init__(self, tagger: Tagger, precision: str) -> None:
        core = openvino.Core()
        self._model = core.compile_model(_read_graph(core, tagger), "CPU", _settings(precision))
        self._widths = [self._model.output(index).shape[1] for index in range(2)]
        self._idle: SimpleQueue[Any] = SimpleQueue()

    def infer(self, patches: Array) -> tuple[Array, Array]:
        """See :class:`models.engine.Engine`."""
        scores, embeddings = (np.empty((len(patches), width), np.float32) for width in self._widths)
        request = self._take_request()
        for index in range(len(patches)):
            request.infer([patches[index : index + 1]], share_inputs=True)
            scores[index] = request.get_output_tensor(0).data
            embeddings[index] = request.get_output_tensor(1).data
        self._idle.put(request)
        return scores, embeddings

    def _take_request(self) -> Any:
        """A request that no other thread uses; there are as many as there ever were callers at once."""
        try:
            return self._idle.get_nowait()
        except Empty:
            return self._model.create_infer_request()


def require_bf16() -> None:
    """Check that the CPU multiplies bfloat16.

    Raises:
        PrecisionError: If it does not.
    """
    core = openvino.Core()
    if "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise PrecisionError(
            f"bf16 needs a CPU with AVX512_BF16 or AMX_BF16 (AMD from Zen 4, Intel from Sapphire Rapids); "
            f"{core.get_property('CPU', 'FULL_DEVICE_NAME').strip()} has neither. Use --precision float32."
        )


def _settings(precision: str) -> dict[str, Any]:
    """One stream for each core, of one thread each, so that a caller never uses more than one core.

    Threads are not pinned: several processes would all choose the same cores.
    """
    cores = len(os.sched_getaffinity(0))
    return {
        "INFERENCE_PRECISION_HINT": _PRECISION_HINTS[precision],
        "NUM_STREAMS": cores,
        "INFERENCE_NUM_THREADS": cores,
        "ENABLE_CPU_PINNING": False,
    }


def _read_graph(core: Any, tagger: Tagger) -> Any:
    version = openvino.get_version().split("-")[0]
    name = f"{tagger.bundle_hash}-openvino{version}-graph{_GRAPH_FORMAT}.ir"
    content = cached(name, lambda: _export(tagger))
    size = int.from_bytes(content[:8], "little")
    return core.read_model(content[8 : 8 + size], content[8 + size :])


def _export(tagger: Tagger) -> bytes:
    """Export the networks: the length of the description, the description, the weights."""
    import torch  # nothing of torch is needed where the cache is warm

    from models.engine_fusion import fuse

    front_end = tagger.front_end
    shape = (1, front_end.patch_frames, front_end.mel_bands)
    module = fuse(tagger.build_networks(), *shape[1:])
    graph = openvino.convert_model(module, example_input=torch.zeros(shape), input=[shape])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.xml"
        openvino.save_model(graph, path, compress_to_fp16=False)
        description, weights = path.read_bytes(), path.with_suffix(".bin").read_bytes()
    return len(description).to_bytes(8, "little") + description + weights
