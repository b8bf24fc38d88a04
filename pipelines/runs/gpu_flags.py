"""What a request for GPUs adds to Beam's options, and which of them rule it out on Dataflow."""

from __future__ import annotations

from collections.abc import Sequence

from apache_beam.options.pipeline_options import (
    DebugOptions,
    GoogleCloudOptions,
    PipelineOptions,
    StandardOptions,
    WorkerOptions,
)

from tonearm.errors import WrongCallError
from tonearm.pipelines.runs.gpu_request import GpuPlacement, GpuRequest

_FAMILY_OF_GPU = {
    "nvidia-l4": "g2-",
    "nvidia-tesla-t4": "n1-",
    "nvidia-tesla-p4": "n1-",
    "nvidia-tesla-v100": "n1-",
    "nvidia-tesla-a100": "a2-highgpu-",
    "nvidia-a100-80gb": "a2-ultragpu-",
    "nvidia-h100-80gb": "a3-highgpu-",
}
"""Machines that Compute Engine attaches each GPU to; of one that is not listed nothing is checked."""


def gpu_flags(request: GpuRequest, flags: Sequence[str]) -> tuple[str, ...]:
    """Further options for Beam.

    Args:
        request: The GPUs.
        flags: Beam's options as given.

    Raises:
        WrongCallError: Dataflow does not take the request beside them.
    """
    options = PipelineOptions(list(flags))
    cloud = options.view_as(GoogleCloudOptions)
    given = cloud.dataflow_service_options or []
    _refuse_second_request(given, options.view_as(StandardOptions).resource_hints or [])
    _refuse_what_has_no_mps(options, given)
    machine_type = options.view_as(WorkerOptions).machine_type or ""
    if request.placement is GpuPlacement.RIGHT_FITTED:
        if cloud.flexrs_goal:
            raise WrongCallError("--flexrs_goal has no right fitting: leave it out, or --gpu_placement")
        machine_type = request.machine_type
    _require_family(request, machine_type)
    return tuple(f"--dataflow_service_options={option}" for option in request.service_options)


def _refuse_second_request(service_options: list[str], hints: list[str]) -> None:
    if any("accelerator" in hint.partition("=")[0] for hint in hints):
        raise WrongCallError(
            "GPUs are asked for twice: by --gpu, and by --resource_hint accelerator=…, which would put every "
            "step on a machine with one. Leave one out; --gpu_placement says which workers have a GPU"
        )
    if any(option.startswith("worker_accelerator") for option in service_options):
        raise WrongCallError(
            "GPUs are asked for twice: by --gpu, and by --dataflow_service_options=worker_accelerator=…. The "
            "latter gives one to every worker, which rules out --gpu_placement right-fitted. Leave one out"
        )


def _refuse_what_has_no_mps(options: PipelineOptions, service_options: list[str]) -> None:
    """The processes of a worker share its GPU by NVIDIA's MPS."""
    experiments = options.view_as(DebugOptions).experiments or []
    if "no_use_multiple_sdk_containers" in experiments:
        raise WrongCallError(
            "--gpu shares a worker's GPU between its processes; --experiments=no_use_multiple_sdk_containers "
            "would leave one process, whose decoders do not keep the GPU busy: leave it out"
        )
    if "enable_prime" in (*service_options, *experiments):
        raise WrongCallError("Dataflow Prime cannot share a GPU between processes: leave out enable_prime")


def _require_family(request: GpuRequest, machine_type: str) -> None:
    family = _FAMILY_OF_GPU.get(request.kind, "")
    is_free_to_choose = request.placement is GpuPlacement.RIGHT_FITTED and not machine_type
    if is_free_to_choose or (machine_type and machine_type.startswith(family)):
        return
    option = "--machine_type" if request.placement is GpuPlacement.FUSED else "--gpu_machine_type"
    wanted = f"one of {family}…" if family else "a machine that it can be attached to"
    given = f", not {machine_type}" if machine_type else ""
    raise WrongCallError(f"{request.kind} needs in {option} {wanted}{given}")
