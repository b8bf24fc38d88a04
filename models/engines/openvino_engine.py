"""The CPU engine: the tagger's networks as one OpenVINO graph, one core a caller."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any
from xml.etree import ElementTree

import numpy as np
import openvino
import torch
from torch import Tensor, nn

from tonearm import models
from tonearm.models.bundles.tagger import Tagger
from tonearm.models.engines.arrangement import fuse
from tonearm.models.engines.cache import cached
from tonearm.models.engines.contract import Array, PrecisionError
from tonearm.models.musicnn.fusion import FusedMusicnn
from tonearm.models.musicnn.hearing import Heard, hear
from tonearm.models.musicnn.pruning import LEAST_INFLUENCE, LEAST_ROUNDED_INFLUENCE

_SIZE_BYTES = 8
_HEARD_AT_ONCE = 8
"""Patches that are split into what filters hear before the first is scored: 1.4 MB, and 2.6 in bf16."""

_PRECISION_HINTS = {"float32": "f32", "bf16": "bf16"}


class OpenVinoEngine:
    """Scores patches one at a time: what one patch needs stays in a core's cache, and no batch has a tail."""

    device = "cpu"

    def __init__(self, tagger: Tagger, precision: str) -> None:
        core = openvino.Core()
        self._model = core.compile_model(_read_graph(core, tagger, precision), "CPU", _settings(precision))
        self._rounded = precision == "bf16"
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
        """See :class:`Engine`."""
        scores, embeddings = (np.empty((len(patches), width), np.float32) for width in self._widths)
        slot = self._take_slot()
        given = [slot.get_input_tensor(index).data for index in range(len(self._model.inputs))]
        results = [slot.get_output_tensor(index).data for index in range(2)]
        for index, parts in enumerate(self._parts(patches)):
            for place, part in zip(given, parts, strict=True):
                place[0] = part
            slot.infer()
            scores[index], embeddings[index] = results
        self._idle.put(slot)
        return scores, embeddings

    def _parts(self, patches: Array) -> Iterator[Sequence[Array]]:
        """Yield what the graph takes of each patch: the patch itself, or what filters hear of it."""
        if len(self._model.inputs) == 1:
            yield from ([patch] for patch in patches)
            return
        for first in range(0, len(patches), _HEARD_AT_ONCE):
            some = torch.from_numpy(np.array(patches[first : first + _HEARD_AT_ONCE]))
            heard = hear(some, rounded=self._rounded)
            yield from zip(*(part.numpy() for part in heard.parts()), strict=True)

    def _take_slot(self) -> Any:
        """A slot that no other thread uses; there are as many as there ever were callers at once."""
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


def _read_graph(core: Any, tagger: Tagger, precision: str) -> Any:
    version = openvino.get_version().split("-")[0]
    name = f"{tagger.bundle_hash[:32]}-{precision}-openvino{version}-{_graph_format()}.graph"
    content = cached(name, lambda: _export(tagger, precision))
    size = int.from_bytes(content[:_SIZE_BYTES], "little")
    description, weights = content[_SIZE_BYTES:][:size], content[_SIZE_BYTES + size :]
    return core.read_model(description, weights)


def _graph_format() -> str:
    """Changes with the code that builds graphs, so that no release runs the graph of another."""
    digest = hashlib.sha256()
    for source in sorted(Path(models.__file__).parent.rglob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]


def _export(tagger: Tagger, precision: str) -> bytes:
    """Export the networks: the length of the description, the description, the weights."""
    rounded = precision == "bf16"
    shape = (1, tagger.front_end.patch_frames, tagger.front_end.mel_bands)
    least_influence = LEAST_ROUNDED_INFLUENCE if rounded else LEAST_INFLUENCE
    module = fuse(tagger.build_networks(least_influence=least_influence), *shape[1:], rounded=rounded)
    graph = _converted(module, torch.zeros(shape))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.xml"
        openvino.save_model(graph, path, compress_to_fp16=False)
        description, weights = path.read_bytes(), path.with_suffix(".bin").read_bytes()
    if rounded:
        description = _keep_precise(description, _rounded_layers(graph))
    return len(description).to_bytes(_SIZE_BYTES, "little") + description + weights


def _converted(module: nn.Module, patches: Tensor) -> Any:
    """A graph for as many patches: of the whole module, or of all that comes after the listening."""
    inputs: tuple[Tensor, ...] = (patches,)
    if isinstance(module, FusedMusicnn):
        inputs = tuple(hear(patches, rounded=module.rounded).parts())
        module = _AfterHearing(module)
    shapes = [tuple(each.shape) for each in inputs]
    return openvino.convert_model(module, example_input=inputs, input=shapes)


class _AfterHearing(nn.Module):
    """The scores from what is heard, part by part, as a module of its own to convert."""

    def __init__(self, fused: FusedMusicnn) -> None:
        super().__init__()
        self.fused = fused

    def forward(self, *parts: Tensor) -> tuple[Tensor, Tensor]:
        return self.fused.score(Heard(*parts))


def _rounded_layers(graph: Any) -> set[str]:
    """Names of the convolutions over several frames, and bands or channels, with kernels of bfloat16."""
    names = set()
    for layer in graph.get_ops():
        if layer.get_type_name() == "Convolution":
            kernel = torch.tensor(layer.input_value(1).get_node().get_data())
            spans = kernel.ndim == 4 and kernel.shape[2] > 1 and max(kernel.shape[1], kernel.shape[3]) > 1
            if spans and torch.equal(kernel, kernel.bfloat16().float()):
                names.add(layer.get_friendly_name())
    return names


def _keep_precise(description: bytes, rounded: Collection[str]) -> bytes:
    """Mark all layers but the rounded convolutions, so that they stay float32 in a bfloat16 run.

    OpenVINO forgets the marks of what it replaces: two paddings or two products in a row, layers that are the
    same, differences, slices, layers that only change the shape. What it then rounds moves scores by up to
    8e-3, so the networks are arranged to need none of these (``engine_hearing``, ``engine_filters``,
    ``engine_fusion``).
    """
    root = ElementTree.fromstring(description)
    for layer in root.iter("layer"):
        if layer.get("name") not in rounded and layer.get("type") not in ("Const", "Parameter", "Result"):
            attributes = layer.find("rt_info")
            if attributes is None:
                attributes = ElementTree.SubElement(layer, "rt_info")
            ElementTree.SubElement(attributes, "attribute", name="precise", version="0")
    return ElementTree.tostring(root)
