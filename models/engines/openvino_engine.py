"""The CPU engine: the tagger's networks as OpenVINO graphs; each caller uses one core."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np
import torch

from tonearm.models.architecture import Architecture
from tonearm.models.bundles.tagger import Tagger
from tonearm.models.engines.arrangement import NetworkGroup, column_orders, network_groups
from tonearm.models.engines.contract import PRECISIONS, Array, PrecisionError
from tonearm.models.engines.openvino_graph import read_graph
from tonearm.models.engines.openvino_library import openvino

_PREPARED_AT_ONCE = 8
"""Patches whose inputs to the graph are computed before the first is scored; 2.6 MB of musicnn's at most."""


class OpenVinoEngine:
    """Scores patches one at a time: what one needs stays in a core's cache, and none waits for others."""

    device = "cpu"

    def __init__(self, tagger: Tagger, precision: str) -> None:
        """Read the graphs from the cache, or export them.

        Args:
            tagger: The networks.
            precision: ``float32``, or ``bf16`` to round what each architecture lets be rounded.

        Raises:
            BundleError: If the weights cannot be read.
        """
        self._graphs = [_Graph(_core(), tagger, group, precision) for group in network_groups(tagger)]
        self._orders = column_orders(tagger)

    def infer(self, patches: Array) -> tuple[Array, Array]:
        """See :class:`Engine`."""
        results = [graph.infer(patches) for graph in self._graphs]
        scores, embeddings = (
            np.take(np.concatenate(parts, axis=1), order, axis=1)
            for parts, order in zip(zip(*results, strict=True), self._orders, strict=True)
        )
        return scores, embeddings


def fill_cache(tagger: Tagger) -> None:
    """Export a tagger's graphs of both precisions into the cache, as for an image of workers.

    Raises:
        BundleError: If the weights cannot be read.
    """
    for group in network_groups(tagger):
        for precision in PRECISIONS:
            read_graph(_core(), tagger, group, rounded=precision == "bf16")


class _Graph:
    """The networks of one architecture, compiled."""

    def __init__(self, core: Any, tagger: Tagger, group: NetworkGroup, precision: str) -> None:
        self._rounded = precision == "bf16" and group.architecture.bears_bfloat16
        graph = read_graph(core, tagger, group, rounded=self._rounded)
        self._model = core.compile_model(graph, "CPU", _settings(rounded=self._rounded))
        self._architecture: Architecture = group.architecture
        self._widths = [self._model.output(index).shape[1] for index in range(2)]
        self._idle: SimpleQueue[Any] = SimpleQueue()
        self._idle.put(self._first_slot())

    def _first_slot(self) -> Any:
        """A slot (OpenVINO's infer request) whose data was looked at once, by one thread.

        The first look sets up statics of OpenVINO's binding, and threads that take it at once may deadlock:
        one holds the guard of the statics and waits for Python's lock, the other the other way round.
        """
        slot = self._model.create_infer_request()
        np.asarray(slot.get_input_tensor(0).data)
        np.asarray(slot.get_output_tensor(0).data)
        return slot

    def infer(self, patches: Array) -> tuple[Array, Array]:
        """Scores and embeddings of this architecture's networks."""
        scores, embeddings = (np.empty((len(patches), width), np.float32) for width in self._widths)
        slot = self._take_slot()
        given = [slot.get_input_tensor(index).data for index in range(len(self._model.inputs))]
        results = [slot.get_output_tensor(index).data for index in range(2)]
        for index, inputs in enumerate(self._inputs(patches)):
            for place, values in zip(given, inputs, strict=True):
                place[0] = values
            slot.infer()
            scores[index], embeddings[index] = results
        self._idle.put(slot)
        return scores, embeddings

    def _inputs(self, patches: Array) -> Iterator[tuple[Array, ...]]:
        """Yield what the graph takes of each patch."""
        for first in range(0, len(patches), _PREPARED_AT_ONCE):
            some = torch.from_numpy(np.array(patches[first : first + _PREPARED_AT_ONCE]))
            inputs = self._architecture.engine_inputs(some, rounded=self._rounded)
            yield from zip(*(values.numpy() for values in inputs), strict=True)

    def _take_slot(self) -> Any:
        """A slot that no other thread uses; a new one if all are in use."""
        try:
            return self._idle.get_nowait()
        except Empty:
            return self._model.create_infer_request()


@cache
def _core() -> openvino.Core:
    """OpenVINO, once for the process and to its end.

    It gives the thread that makes it a stack for signal handlers, and takes that stack's memory back when it
    goes, whichever thread lets it go: the next signal, such as a SIGTERM, would then end the process.
    """
    return openvino.Core()


def require_bf16() -> None:
    """Check that the CPU multiplies bfloat16.

    Raises:
        PrecisionError: If it does not.
    """
    core = _core()
    if "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise PrecisionError(
            f"bf16 needs a CPU with AVX512_BF16 or AMX_BF16 (AMD from Zen 4, Intel from Sapphire Rapids); "
            f"{core.get_property('CPU', 'FULL_DEVICE_NAME').strip()} has neither. Use --precision float32."
        )


def _settings(*, rounded: bool) -> dict[str, Any]:
    """One stream for each core, of one thread each, so that a caller never uses more than one core.

    Threads are not pinned: several processes would all choose the same cores.
    """
    cores = len(os.sched_getaffinity(0))
    return {
        "INFERENCE_PRECISION_HINT": "bf16" if rounded else "f32",
        "NUM_STREAMS": cores,
        "INFERENCE_NUM_THREADS": cores,
        "ENABLE_CPU_PINNING": False,
    }
