"""Where a training computes: device, precision, threads; with the same ones the same bits come out."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import torch

from tonearm.models.engines.contract import PrecisionError
from tonearm.models.engines.shared import require_precision

AUTOMATIC = "auto"


@dataclass(frozen=True, slots=True)
class Machine:
    """What a training computes with.

    Attributes:
        device: ``cpu`` or ``cuda``.
        precision: ``float32``, or ``bf16`` for convolutions and products in bfloat16; sums and weights are
            float32.
        threads: Threads of the CPU. Sums are split among them, so another number gives other last bits.
    """

    device: str
    precision: str
    threads: int

    def as_json(self) -> dict[str, str | int]:
        """By name, for checkpoints and bundles."""
        return asdict(self)

    @property
    def rounding(self) -> contextlib.AbstractContextManager[object]:
        """Multiply in bfloat16 for as long as the block lasts, if the precision says so."""
        return torch.autocast(self.device, torch.bfloat16, enabled=self.precision == "bf16")


def machine_for(precision: str, threads: int) -> Machine:
    """Choose the device, and check the precision.

    Args:
        precision: ``float32``, ``bf16``, or ``auto``: bf16 where there is hardware for it.
        threads: Of the CPU.

    Raises:
        PrecisionError: This machine lacks the precision.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if precision == AUTOMATIC:
        precision = "bf16" if _has_bf16(device) else "float32"
    elif precision == "bf16" and device == "cuda" and not _has_bf16(device):
        raise PrecisionError("This GPU has no bfloat16: use --precision float32.")
    require_precision(precision)
    return Machine(device, precision, threads)


def _has_bf16(device: str) -> bool:
    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    try:
        require_precision("bf16")
    except PrecisionError:
        return False
    return True


@contextlib.contextmanager
def repeatable(machine: Machine) -> Iterator[None]:
    """Have torch compute the same bits each time, for as long as the block lasts.

    Args:
        machine: Whose threads are used.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # or cuBLAS refuses to be deterministic
    cudnn, filling = torch.backends.cudnn, torch.utils.deterministic
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    filled = filling.fill_uninitialized_memory  # type: ignore[attr-defined]
    try:
        torch.set_num_threads(machine.threads)
        torch.use_deterministic_algorithms(True)
        # Nothing here reads what it did not write, so new memory need not be filled.
        filling.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        # Kernels are not chosen by the clock, and float32 is what it says, as in the engines.
        with cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            yield
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])
        filling.fill_uninitialized_memory = filled  # type: ignore[attr-defined]


def surroundings() -> dict[str, str]:
    """What else the last bits depend on: torch's release and the instructions that it uses here."""
    found = {
        "torch": str(torch.__version__),  # which is a class of its own
        "processor": f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}",
    }
    if torch.cuda.is_available():
        found["gpu"] = torch.cuda.get_device_name()
    return found
