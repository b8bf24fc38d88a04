"""How a bundle came about: what one needs to make it again, or to find it by what it learned from."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import tonearm
from tonearm.learning.training.call import TrainingCall
from tonearm.learning.training.inputs.material import Material
from tonearm.learning.training.machine import surroundings
from tonearm.learning.training.state import TrainingState

_CODE = ("learning", "models")
"""Folders whose code decides what comes out."""


def provenance_of(call: TrainingCall, material: Material, state: TrainingState) -> dict[str, Any]:
    """What ``bundle.json`` says of its origin; without times and places: the same training says the same.

    Returns:
        ``code``: version and a hash of the source files; ``dataset``: its digest, by which
        ``tonearm dataset withdraw`` finds the bundle; ``arguments``; ``surroundings``: what the last bits
        depend on; ``outcome``.
    """
    base = call.base
    return {
        "made_by": "tonearm train",
        "code": {"version": version("tonearm"), "sha256": code_sha256()},
        "dataset": {
            "digest": material.dataset.digest,
            "front_end": material.dataset.front_end.fingerprint,
            "train_tracks": len(material.training.labels),
            "validation_tracks": len(material.validation.labels),
        },
        "arguments": {
            "architecture": call.architecture,
            "tune": str(call.tune),
            "from": base
            and {
                "tagger": base.tagger.identity,
                "network": base.network.name,
                "sha256": base.tagger.bundle_hash,
            },
            "min_positives": call.min_positives,
            **call.settings.as_json(),
            **call.machine.as_json(),
        },
        "surroundings": surroundings(),
        "outcome": {"epochs": state.epoch, "best_epoch": state.best_epoch, "steps": state.step},
    }


@cache
def code_sha256() -> str:
    """One hash over all source files of the code that trains and that runs networks."""
    package = Path(tonearm.__file__).parent
    total = hashlib.sha256()
    for folder in _CODE:
        root = package / folder
        for path in sorted(root.rglob("*.py")):
            total.update(f"{folder}/{path.relative_to(root).as_posix()}\0".encode())
            total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()
