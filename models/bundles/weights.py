"""From a file of weights to a network; the file is data, checked against the architecture, never executed."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as parse_safetensors
from safetensors.numpy import save as safetensors_of

from tonearm.models.architecture import Architecture
from tonearm.models.bundles.files import BundleError

if TYPE_CHECKING:
    from tonearm.models.tagging_network import TaggingNetwork

Weights = Mapping[str, NDArray[np.float32]]
"""A network's weights by the names of its state dict."""

HEADER_ALLOWANCE = 100_000  # bytes that a safetensors file may have beside its tensors
BATCH_COUNTER = "num_batches_tracked"  # batch norm's training state, of no use to inference
_FLOAT32 = "F32"


def largest_file(architecture: Architecture, units: int) -> int:
    """The most bytes that a file with an architecture's weights may have."""
    values = sum(math.prod(shape) for shape in architecture.tensor_shapes(units).values())
    return HEADER_ALLOWANCE + values * np.dtype(np.float32).itemsize


def read_weights(content: bytes, architecture: Architecture, units: int) -> Weights:
    """Read the content of a safetensors file and check all of it, without torch.

    Args:
        content: The whole file.
        architecture: What the weights are for.
        units: Size of the network's vocabulary.

    Returns:
        The weights.

    Raises:
        BundleError: If the file is damaged or its tensors are not the architecture's.
    """
    expected = architecture.tensor_shapes(units)
    header = _read_header(content)
    _check_names(header, expected, architecture.name)
    for name, shape in expected.items():
        _check_kind(name, header[name], shape)
    try:
        weights = parse_safetensors(content)
    except (SafetensorError, ValueError) as error:
        raise _not_safetensors(error) from error
    for name, values in weights.items():
        _check_values(name, values)
    return weights


def build_network(weights: Weights, architecture: Architecture, units: int) -> TaggingNetwork:
    """Build a network with its weights.

    Args:
        weights: From :func:`read_weights`.
        architecture: What they are for.
        units: Size of the network's vocabulary.

    Returns:
        The network in evaluation mode, float32, on the CPU.

    Raises:
        RuntimeError: If the architecture states other shapes than its network has.
    """
    import torch

    network = architecture.network(units)
    tensors = {name: torch.tensor(values) for name, values in weights.items()}
    missing = network.load_state_dict(tensors, strict=False).missing_keys
    if unstated := [name for name in missing if BATCH_COUNTER not in name]:
        raise RuntimeError(f"the architecture {architecture.name} states no shape of {unstated}")
    return network.eval().requires_grad_(False)


def weights_of(network: TaggingNetwork) -> Weights:
    """A network's weights as bundles hold them: copies, on the CPU, without the counters of batch norms."""
    return {
        name: np.array(tensor.detach().cpu().numpy(), np.float32, order="C")
        for name, tensor in network.state_dict().items()
        if BATCH_COUNTER not in name
    }


def write_weights(weights: Weights) -> bytes:
    """The content of a safetensors file; the same for the same weights."""
    return safetensors_of({name: np.ascontiguousarray(weights[name]) for name in sorted(weights)})


def _read_header(content: bytes) -> dict[str, Any]:
    """What the file says of its tensors; numpy lacks some of their types, and a message is to name those."""
    try:
        (length,) = struct.unpack_from("<Q", content)
        header: Any = json.loads(content[8 : 8 + length]) if length <= len(content) else None
        tensors = {name: entry for name, entry in header.items() if name != "__metadata__"}
        return {name: (entry["dtype"], list(entry["shape"])) for name, entry in tensors.items()}
    except (struct.error, ValueError, RecursionError, AttributeError, TypeError, KeyError) as error:
        raise _not_safetensors(error) from error


def _not_safetensors(error: Exception) -> BundleError:
    return BundleError(f"The weights are not a valid safetensors file: {error}.")


def _check_names(found: Mapping[str, Any], expected: Mapping[str, Any], architecture: str) -> None:
    missing = sorted(expected.keys() - found.keys())
    unknown = sorted(found.keys() - expected.keys())
    if missing or unknown:
        raise BundleError(
            f"The weights do not fit the architecture {architecture}: missing tensors {missing[:3]}, "
            f"unknown tensors {unknown[:3]}."
        )


def _check_kind(name: str, found: tuple[str, list[int]], expected: tuple[int, ...]) -> None:
    if found != (_FLOAT32, list(expected)):
        raise BundleError(
            f"Tensor {name} is {found[0]} {found[1]}; the architecture and the number of outputs ask for "
            f"{_FLOAT32} {list(expected)}."
        )


def _check_values(name: str, values: NDArray[np.float32]) -> None:
    if not np.isfinite(values).all():
        raise BundleError(f"Tensor {name} holds values that are not finite; the weights are damaged.")
    if name.endswith("running_var") and (values < 0).any():
        raise BundleError(f"Tensor {name} holds negative variances; the weights are damaged.")
