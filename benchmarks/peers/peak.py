"""What one core can multiply at most: the yardstick for the networks, which differs by machine and hour."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np
import torch

from tonearm.models.engines.openvino_library import openvino

SIZE = 1024
"""Rows and columns: large enough to be bound by arithmetic, small enough for a core's share of the cache."""

REPEATS = 5
"""Products in a measurement; the fastest counts."""

_DTYPES: Mapping[str, torch.dtype] = {"float32": torch.float32, "bf16": torch.bfloat16}
_HINTS = {"float32": "f32", "bf16": "bf16"}


def peak_gflops(precision: str) -> float:
    """Multiply matrices with PyTorch and with OpenVINO on one core.

    Args:
        precision: ``float32`` or ``bf16``.

    Returns:
        Billions of floating point operations per second of processor time, of the faster library.
    """
    return max(_gflops(product) for product in (_with_torch(precision), _with_openvino(precision)))


def _gflops(product: Callable[[], object]) -> float:
    product()
    fastest = min(_seconds(product) for _ in range(REPEATS))
    return 2 * SIZE**3 / fastest / 1e9


def _seconds(product: Callable[[], object]) -> float:
    started = time.process_time()
    product()
    return time.process_time() - started


def _with_torch(precision: str) -> Callable[[], object]:
    torch.set_num_threads(1)
    left, right = torch.randn(2, SIZE, SIZE).to(_DTYPES[precision])
    return lambda: left @ right


def _with_openvino(precision: str) -> Callable[[], object]:
    """The right matrix is a constant, as weights are."""
    random = np.random.default_rng(0)
    left = openvino.opset13.parameter([SIZE, SIZE], np.float32)
    right = openvino.opset13.constant(random.standard_normal((SIZE, SIZE), np.float32))
    model = openvino.Model([openvino.opset13.matmul(left, right, False, False)], [left])
    settings = {
        "INFERENCE_PRECISION_HINT": _HINTS[precision],
        "INFERENCE_NUM_THREADS": 1,
        "NUM_STREAMS": 1,
        "ENABLE_CPU_PINNING": False,
    }
    request = openvino.Core().compile_model(model, "CPU", settings).create_infer_request()
    request.get_input_tensor().data[:] = random.standard_normal((SIZE, SIZE), np.float32)
    infer: Callable[[], object] = request.infer
    return infer
