"""Options of ``tonearm ingest`` for jobs on Dataflow: their GPUs, and whether the command waits."""

from __future__ import annotations

import argparse
import re

from tonearm.pipelines.runs.gpu_request import LATEST_DRIVER, GpuPlacement, GpuRequest


def add_dataflow_options(parser: argparse.ArgumentParser) -> None:
    """Add the options; Beam has all others of Dataflow, such as ``--machine_type``."""
    group = parser.add_argument_group("jobs on Dataflow (--runner DataflowRunner)")
    group.add_argument("--gpu", metavar="TYPE", type=_gpu, help="give each worker one GPU, such as nvidia-l4")
    group.add_argument(
        "--gpu_driver",
        metavar="VERSION",
        type=_driver,
        default=LATEST_DRIVER,
        help="version of NVIDIA's driver to install there, 580 or later for the locked PyTorch "
        f"(default: {LATEST_DRIVER})",
    )
    group.add_argument(
        "--gpu_placement",
        choices=list(GpuPlacement),
        type=GpuPlacement,
        default=GpuPlacement.FUSED,
        help="fused: each worker decodes and scores; right-fitted: cheaper workers without a GPU decode, and "
        "send 5 MB of patches a track to those that score (default: fused)",
    )
    group.add_argument(
        "--gpu_machine_type",
        metavar="MACHINE",
        type=_machine,
        default="",
        help="right-fitted: machine of the workers that score, such as g2-standard-4; those that decode have "
        "--machine_type",
    )
    group.add_argument(
        "--no_wait",
        action="store_true",
        help="hand the job over and return: it commits by itself, and its row in runs stays without an end",
    )


def gpu_request_of(known: argparse.Namespace) -> GpuRequest | None:
    """The GPUs that a command line asks for."""
    if not known.gpu:
        return None
    return GpuRequest(known.gpu, known.gpu_driver, known.gpu_placement, known.gpu_machine_type)


def _gpu(text: str) -> str:
    """Google's name of a GPU, and nothing besides: it becomes one of several fields of an option."""
    if text and not re.fullmatch(r"nvidia-[a-z0-9-]+", text):
        raise argparse.ArgumentTypeError(f"{text} is no name of a GPU such as nvidia-l4")
    return text


def _machine(text: str) -> str:
    if text and not re.fullmatch(r"[a-z][a-z0-9]*-[a-z0-9-]+", text):
        raise argparse.ArgumentTypeError(f"{text} is no machine such as g2-standard-4")
    return text


def _driver(text: str) -> str:
    """What Dataflow takes behind ``install-nvidia-driver:``."""
    if not re.fullmatch(r"default|latest|\d{1,3}(xx)?(\.\d+)*", text):
        raise argparse.ArgumentTypeError(f"{text} is no version such as latest, 580 or 580.95.05")
    return text
