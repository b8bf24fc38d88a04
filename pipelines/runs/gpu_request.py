"""The GPUs that a job on Dataflow is to have: on every worker, or on some beside those that decode."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

LATEST_DRIVER = "latest"
"""PyTorch 2.11 of PyPI is built for CUDA 13, which wants a driver of 580 or later; Dataflow's own default for
a GPU may be older."""

_MIN_RAM = "16GB"
"""What a worker of the network is asked to have: a process takes some 2 GB with CUDA's libraries."""


class GpuPlacement(StrEnum):
    """Which workers have the GPUs."""

    FUSED = "fused"
    """All: each decodes and scores, and no patch leaves its worker."""

    RIGHT_FITTED = "right-fitted"
    """Those that run the networks: cheaper machines decode, and patches travel, 5 MB a track."""


@dataclass(frozen=True, slots=True)
class GpuRequest:
    """One GPU for each worker of a kind.

    Attributes:
        kind: Google's name of the GPU, such as ``nvidia-l4``.
        driver: Version of NVIDIA's driver that Dataflow installs.
        placement: Which workers have it.
        machine_type: Machine of the workers that run the networks, where others decode; empty to let Dataflow
            choose.
    """

    kind: str
    driver: str = LATEST_DRIVER
    placement: GpuPlacement = GpuPlacement.FUSED
    machine_type: str = ""

    @property
    def service_options(self) -> tuple[str, ...]:
        """Options of Dataflow's service that give every worker a GPU.

        >>> GpuRequest("nvidia-l4", driver="580").service_options
        ('worker_accelerator=type:nvidia-l4;count:1;install-nvidia-driver:580;use_nvidia_mps',)
        """
        if self.placement is GpuPlacement.RIGHT_FITTED:
            return ()
        return (f"worker_accelerator={self._accelerator()}",)

    @property
    def network_hints(self) -> Mapping[str, str]:
        """Beam's resource hints for the step that runs the networks.

        >>> request = GpuRequest("nvidia-l4", "580", GpuPlacement.RIGHT_FITTED, "g2-standard-4")
        >>> request.network_hints["accelerator"]
        'type:nvidia-l4;count:1;machine_type:g2-standard-4;install-nvidia-driver:580;use_nvidia_mps'
        """
        if self.placement is GpuPlacement.FUSED:
            return {}
        machine = f"machine_type:{self.machine_type};" if self.machine_type else ""
        return {"accelerator": self._accelerator(machine), "min_ram": _MIN_RAM}

    def _accelerator(self, machine: str = "") -> str:
        """A worker has a process for each core, and all of them share its GPU: hence NVIDIA's MPS."""
        return f"type:{self.kind};count:1;{machine}install-nvidia-driver:{self.driver};use_nvidia_mps"
