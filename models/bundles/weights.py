"""From a file of weights to a network; the file is data, checked against the architecture, never executed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from safetensors import SafetensorError
from safetensors.torch import load as parse_safetensors
from torch import Tensor, nn

from tonearm.models.bundles.files import BundleError
from tonearm.models.musicnn.network import Musicnn

# What a bundle may name; a bundle brings weights, never code.
ARCHITECTURES: Mapping[str, Callable[[int], nn.Module]] = {"musicnn": Musicnn}

HEADER_ALLOWANCE = 100_000  # bytes that a safetensors file may have beside its tensors
BATCH_COUNTER = "num_batches_tracked"  # batch norm's training state, of no use to inference


def expected_tensors(architecture: str, units: int) -> dict[str, Tensor]:
    """The tensors that an architecture needs, by name, with shapes and no content (``meta`` device)."""
    with torch.device("meta"):
        network = ARCHITECTURES[architecture](units)
    return {name: tensor for name, tensor in network.state_dict().items() if BATCH_COUNTER not in name}


def largest_file(architecture: str, units: int) -> int:
    """The most bytes that a file with an architecture's weights may have."""
    return HEADER_ALLOWANCE + sum(tensor.nbytes for tensor in expected_tensors(architecture, units).values())


def build_network(content: bytes, architecture: str, units: int) -> nn.Module:
    """Build a network from the content of a safetensors file.

    Args:
        content: The whole file.
        architecture: A key of ``ARCHITECTURES``.
        units: Size of the network's vocabulary.

    Returns:
        The network in evaluation mode, float32, on the CPU.

    Raises:
        BundleError: If the file is damaged or its tensors are not the architecture's.
    """
    try:
        tensors = parse_safetensors(content)
    except (SafetensorError, ValueError) as error:
        raise BundleError(f"The weights are not a valid safetensors file: {error}.") from error
    expected = expected_tensors(architecture, units)
    _check_names(tensors, expected, architecture)
    for name, tensor in tensors.items():
        _check_tensor(name, tensor, expected[name])
    network = ARCHITECTURES[architecture](units)
    network.load_state_dict(tensors, strict=False)  # strict would ask for the batch counters
    return network.eval().requires_grad_(False)


def _check_names(tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor], architecture: str) -> None:
    missing = sorted(expected.keys() - tensors.keys())
    unknown = sorted(tensors.keys() - expected.keys())
    if missing or unknown:
        raise BundleError(
            f"The weights do not fit the architecture {architecture}: missing tensors {missing[:3]}, "
            f"unknown tensors {unknown[:3]}."
        )


def _check_tensor(name: str, tensor: Tensor, expected: Tensor) -> None:
    if tensor.dtype != expected.dtype or tensor.shape != expected.shape:
        raise BundleError(
            f"Tensor {name} is {tensor.dtype} {list(tensor.shape)}; the architecture and the number of "
            f"outputs ask for {expected.dtype} {list(expected.shape)}."
        )
    if not bool(torch.isfinite(tensor).all()):
        raise BundleError(f"Tensor {name} holds values that are not finite; the weights are damaged.")
    if name.endswith("running_var") and bool((tensor < 0).any()):
        raise BundleError(f"Tensor {name} holds negative variances; the weights are damaged.")
