"""The engine of a process: chosen by what the machine has, built once, shared by all threads."""

from __future__ import annotations

import threading

from tonearm.models.bundles.tagger import Tagger
from tonearm.models.engines.contract import PRECISIONS, Engine, PrecisionError

_shared: dict[tuple[str, str], Engine] = {}
_shared_lock = threading.Lock()


def shared_engine(tagger: Tagger, precision: str) -> Engine:
    """The process's one engine for a tagger and a precision; built at the first call and kept for all shares.

    It runs on the GPU if there is one that works, otherwise on the CPU.

    Args:
        tagger: The networks.
        precision: ``float32`` gives the PyTorch definition's scores to 1e-5 a patch; ``bf16`` is faster,
            with track scores within 2e-3.

    Returns:
        The engine.

    Raises:
        PrecisionError: If the precision is unknown or the CPU lacks it.
        BundleError: If the weights cannot be read.
    """
    key = (tagger.bundle_hash, precision)
    with _shared_lock:
        if key not in _shared:
            require_precision(precision)
            _shared[key] = _build(tagger, precision)
        return _shared[key]


def forget_engine(tagger: Tagger) -> None:
    """Let go of a tagger's engines, whose memory is free once nobody is in the middle of using them."""
    with _shared_lock:
        for key in [key for key in _shared if key[0] == tagger.bundle_hash]:
            del _shared[key]


def require_precision(precision: str) -> None:
    """Check, before a run starts, that its precision can be had on this machine.

    Raises:
        PrecisionError: If not.
    """
    if precision not in PRECISIONS:
        raise PrecisionError(f"There is no precision {precision!r}: give one of {', '.join(PRECISIONS)}.")
    if precision != "float32" and not _has_gpu():  # a GPU has both precisions, and every CPU float32
        _require_on_cpu(precision)


def _require_on_cpu(precision: str) -> None:
    if precision == "bf16":
        from tonearm.models.engines.openvino_engine import require_bf16

        require_bf16()


def _build(tagger: Tagger, precision: str) -> Engine:
    """Build an engine; each engine's library is loaded only where it is used."""
    if not _has_gpu():
        return _cpu_engine(tagger, precision)
    from tonearm.models.engines.torch_engine import FallbackEngine, TorchEngine

    return FallbackEngine(
        gpu=lambda: TorchEngine(tagger, precision),
        cpu=lambda: _cpu_engine(tagger, _precision_of_cpu(precision)),
    )


def _has_gpu() -> bool:
    import torch  # takes seconds: not before it is known that there is something to do

    return torch.cuda.is_available()


def _precision_of_cpu(precision: str) -> str:
    """The precision on the CPU in place of a GPU's: the same, or float32, which is never less precise."""
    try:
        _require_on_cpu(precision)
    except PrecisionError:
        return "float32"
    return precision


def _cpu_engine(tagger: Tagger, precision: str) -> Engine:
    from tonearm.models.engines.openvino_engine import OpenVinoEngine

    return OpenVinoEngine(tagger, precision)
