"""Networks as OpenVINO graphs: exported once on each machine; layers that must not be rounded are marked."""

from __future__ import annotations

import hashlib
import inspect
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import torch
from torch import nn

from tonearm import models
from tonearm.models.architecture import Architecture
from tonearm.models.bundles.tagger import Tagger
from tonearm.models.engines.arrangement import NetworkGroup, arranged
from tonearm.models.engines.cache import cached
from tonearm.models.engines.openvino_library import openvino

_SIZE_BYTES = 8

_MULTIPLYING = ("Convolution", "GroupConvolution", "MatMul")
"""Layers whose second input may be weights."""

_WITHOUT_PRECISION = ("Const", "Parameter", "Result")


def read_graph(core: Any, tagger: Tagger, group: NetworkGroup, *, rounded: bool) -> Any:
    """Take a group's graph from the cache, or export it.

    Args:
        core: OpenVINO's core.
        tagger: Says where the weights are.
        group: Which networks.
        rounded: True for a graph that is to run in bfloat16.

    Returns:
        OpenVINO's model for one patch at a time: from what the architecture's ``engine_inputs`` gives to the
        scores and the embeddings.

    Raises:
        BundleError: If the weights cannot be read.
    """
    version = openvino.get_version().split("-")[0]
    parts = (
        tagger.bundle_hash[:32],
        group.architecture.name,
        "bf16" if rounded else "float32",
        f"openvino{version}",
        digest_of_sources(group.architecture),
    )
    content = cached(f"{'-'.join(parts)}.graph", lambda: _export(tagger, group, rounded=rounded))
    size = int.from_bytes(content[:_SIZE_BYTES], "little")
    description, weights = content[_SIZE_BYTES:][:size], content[_SIZE_BYTES + size :]
    return core.read_model(description, weights)


def digest_of_sources(architecture: Architecture) -> str:
    """Changes with the code that builds graphs, so that no release runs the graph of another.

    That is all of ``models``, and the architecture's folder where that is elsewhere.
    """
    own = Path(inspect.getfile(type(architecture))).parent
    folder = Path(models.__file__).parent
    digest = hashlib.sha256()
    for source in sorted({*folder.rglob("*.py"), *own.glob("*.py")}):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]


def _export(tagger: Tagger, group: NetworkGroup, *, rounded: bool) -> bytes:
    """Export the networks: the length of the description, the description, the weights."""
    architecture = group.architecture
    patch = torch.zeros(1, tagger.front_end.patch_frames, tagger.front_end.mel_bands)
    inputs = architecture.engine_inputs(patch, rounded=rounded)
    graph = _converted(arranged(tagger, group, rounded=rounded), inputs)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.xml"
        openvino.save_model(graph, path, compress_to_fp16=False)
        description, weights = path.read_bytes(), path.with_suffix(".bin").read_bytes()
    if rounded:
        description = _keep_precise(description, _layers_to_round(graph, architecture))
    return len(description).to_bytes(_SIZE_BYTES, "little") + description + weights


def _converted(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> Any:
    shapes = [tuple(each.shape) for each in inputs]
    return openvino.convert_model(module, example_input=inputs, input=shapes)


def _layers_to_round(graph: Any, architecture: Architecture) -> set[str]:
    """Names of the layers that the architecture lets be computed in bfloat16."""
    return {
        layer.get_friendly_name() for layer in graph.get_ops() if architecture.may_round(_weights_of(layer))
    }


def _weights_of(layer: Any) -> torch.Tensor | None:
    if layer.get_type_name() not in _MULTIPLYING:
        return None
    source = layer.input_value(1).get_node()
    return torch.tensor(source.get_data()) if source.get_type_name() == "Constant" else None


def _keep_precise(description: bytes, rounded: Collection[str]) -> bytes:
    """Mark all layers but the rounded ones, so that they stay float32 in a bfloat16 run.

    OpenVINO forgets the marks of what it replaces: two paddings or two products in a row, layers that are the
    same, differences, slices, layers that only change the shape. An architecture that cannot bear what is
    rounded then has to be arranged so that it needs none of these, as musicnn is.
    """
    root = ElementTree.fromstring(description)
    for layer in root.iter("layer"):
        if layer.get("name") not in rounded and layer.get("type") not in _WITHOUT_PRECISION:
            attributes = layer.find("rt_info")
            if attributes is None:
                attributes = ElementTree.SubElement(layer, "rt_info")
            ElementTree.SubElement(attributes, "attribute", name="precise", version="0")
    return ElementTree.tostring(root)
