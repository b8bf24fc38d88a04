"""Bundle roots in whatever state, bundles to put into them, and rows that are held against their taggers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load, save

from tests.catalog import scores, tonearm, write_manifest
from tests.toy_architecture import write_bundle
from tonearm.models.bundles.bundle_json import parse_bundle_json
from tonearm.models.front_end import FrontEnd
from tonearm.transforms.storage.objects import joined, write_object
from tonearm.transforms.tagging.bundle_root import POINTER, Move, MoveKind, pointer_bytes, read_pointer


def point_at(
    root: str | Path, bundle: Path, *, kind: MoveKind = MoveKind.PROMOTE, damaged: bool = False
) -> None:
    """Copy a bundle into a root and make it the current one, without looking at either.

    Args:
        root: Folder or URL of the root.
        bundle: A folder with a bundle of toy networks.
        kind: What the pointer's history is to say.
        damaged: True to write something else in place of its weights.
    """
    root = str(root)
    tagger = parse_bundle_json((bundle / "bundle.json").read_bytes(), str(bundle))
    for file in bundle.iterdir():
        is_spoilt = damaged and file.suffix == ".safetensors"
        write_object(joined(root, tagger.identity, file.name), b"damaged" if is_spoilt else file.read_bytes())
    pointer = read_pointer(root)
    moves = pointer.moves if pointer else ()
    moved_at = f"2026-03-14T12:00:{len(moves):02d}+00:00"
    move = Move(kind, tagger.identity, tagger.bundle_hash, moved_at, "a test")
    write_object(joined(root, POINTER), pointer_bytes((*moves, replace(move, why=str(len(moves))))))


def write_version(folder: Path, version: int, *, front_end: FrontEnd | None = None) -> Path:
    """Write a bundle that any process of the product can load, each version with scores of its own.

    Args:
        folder: Where to; made here.
        version: The bundle's.
        front_end: The embedded tagger's if not given.
    """
    write_bundle(folder, ["mtt"], version=version, front_end=front_end)
    told = json.loads((folder / "bundle.json").read_text())
    entry = told["networks"][0]["weights"]
    weights = load((folder / entry["file"]).read_bytes())
    weights["output.bias"] = weights["output.bias"] + np.float32(0.3 * version)
    content = save(weights)
    (folder / entry["file"]).write_bytes(content)
    entry["sha256"] = hashlib.sha256(content).hexdigest()
    (folder / "bundle.json").write_text(json.dumps(told))
    return folder


def assert_scores_are_those_of_their_taggers(
    rows: Sequence[dict[str, Any]], songs: Path, folder: Path
) -> None:
    """Reckon the scores of all rows again, by a run of the tagger that each names.

    Args:
        rows: Rows of ``track_tags``.
        songs: A folder with their files.
        folder: Has the bundles, as ``bundle-VERSION``; tables are written there.
    """
    for tagger in {row["tagger"] for row in rows}:
        found = {Path(row["uri"]).name: row["scores"] for row in rows if row["tagger"] == tagger}
        tracks = [{"track_id": name, "uri": str(songs / name)} for name in found]
        manifest = write_manifest(folder / f"{tagger}.csv", tracks)
        alone, bundle = folder / f"alone-{tagger}", folder / f"bundle-{tagger.partition('@')[2]}"
        assert tonearm("ingest", manifest, "--output", alone, "--tagger", bundle) == 0
        expected = scores(alone)
        assert expected.keys() == found.keys()
        for name, each in expected.items():
            np.testing.assert_allclose(found[name], each, atol=1e-6)


def resident_mib(pid: int) -> float:
    """Memory of a process in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))
