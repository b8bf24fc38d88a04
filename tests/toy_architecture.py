"""An architecture that the product does not have, and bundles that name it."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save
from torch import Tensor, nn

from tonearm import model_artifacts
from tonearm.models.architecture import Architecture
from tonearm.models.front_end import FrontEnd, FrontEndError
from tonearm.models.tagging_network import TaggingNetwork

PACKAGED = Path(model_artifacts.__file__).parent / "musicnn"
FILTERS = 8
EMBEDDING_SIZE = 6
FEWEST_FRAMES = 5
FEWEST_BANDS = 3


class ToyNetwork(TaggingNetwork):
    """One convolution, its mean over frames and bands, and two dense layers."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, FILTERS, (FEWEST_FRAMES, FEWEST_BANDS))
        self.dense = nn.Linear(FILTERS, EMBEDDING_SIZE)
        self.output = nn.Linear(EMBEDDING_SIZE, units)

    def embedding_of(self, patches: Tensor) -> Tensor:
        """See :class:`TaggingNetwork`."""
        embedding: Tensor = self.dense(self.conv(patches.unsqueeze(1)).relu().mean(dim=(2, 3))).relu()
        return embedding


class ToyArchitecture(Architecture):
    """Takes patches of any size that its one filter fits in; nothing is arranged for engines."""

    name = "toy"
    embedding_size = EMBEDDING_SIZE

    def require_front_end(self, front_end: FrontEnd) -> None:
        """See :class:`Architecture`."""
        if front_end.patch_frames < FEWEST_FRAMES:
            raise FrontEndError("patch_frames", f"{FEWEST_FRAMES} or more")
        if front_end.mel_bands < FEWEST_BANDS:
            raise FrontEndError("mel_bands", f"{FEWEST_BANDS} or more")

    def tensor_shapes(self, units: int) -> Mapping[str, tuple[int, ...]]:
        """See :class:`Architecture`."""
        return {
            "conv.weight": (FILTERS, 1, FEWEST_FRAMES, FEWEST_BANDS),
            "conv.bias": (FILTERS,),
            "dense.weight": (EMBEDDING_SIZE, FILTERS),
            "dense.bias": (EMBEDDING_SIZE,),
            "output.weight": (units, EMBEDDING_SIZE),
            "output.bias": (units,),
        }

    def network(self, units: int) -> TaggingNetwork:
        """See :class:`Architecture`."""
        return ToyNetwork(units)


def write_bundle(
    folder: Path, networks: Sequence[str], *, front_end: FrontEnd | None = None, version: int = 1
) -> Path:
    """Write a bundle of toy networks, and of the embedded tagger's where they are named.

    Args:
        folder: Where to; made here.
        networks: ``mtt`` or ``msd`` for the embedded tagger's, any other name for a toy with three units.
        front_end: The embedded tagger's if not given.
        version: The bundle's; another one has toys with other weights.
    """
    shutil.copytree(PACKAGED, folder)
    bundle_json = json.loads((folder / "bundle.json").read_text())
    known = {network["name"]: network for network in bundle_json["networks"]}
    toys = [name for name in networks if name not in known]
    units = bundle_json["outputs"]
    by_network = {name: [unit for unit in units if unit["network"] == name] for name in known}
    for name in toys:
        known[name] = {
            "name": name,
            "architecture": "toy",
            "weights": _write_toy_weights(folder, name, version),
        }
        by_network[name] = [
            {"network": name, "label": tag, "tag": tag} for tag in ("guitar", "rock", "happy")
        ]
    outputs = [unit for name in networks for unit in by_network[name]]
    mapped = {unit["tag"] for unit in outputs}
    changed: dict[str, Any] = {
        "name": "toy",
        "version": str(version),
        "networks": [known[name] for name in networks],
        "outputs": outputs,
        "tags": {tag: rule for tag, rule in bundle_json["tags"].items() if tag in mapped},
        "selection": {**bundle_json["selection"], "exclusive": [[[tag] for tag in sorted(mapped)[:2]]]},
    }
    if front_end:
        settings = {name: getattr(front_end, name) for name in front_end.__slots__}
        changed["front_end"] = {"settings": settings, "fingerprint": front_end.fingerprint}
    (folder / "bundle.json").write_text(json.dumps(bundle_json | changed))
    return folder


def _write_toy_weights(folder: Path, name: str, version: int) -> dict[str, str]:
    torch.manual_seed(len(name) + 1000 * (version - 1))
    content = save({key: tensor.numpy() for key, tensor in ToyNetwork(3).state_dict().items()})
    assert np.frombuffer(content, np.uint8).size < 10_000
    (folder / f"{name}.safetensors").write_bytes(content)
    return {"file": f"{name}.safetensors", "sha256": hashlib.sha256(content).hexdigest()}
