"""Bundle roots in whatever state: bundles made current that `tonearm promote` would refuse."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tonearm.models.bundles.bundle_json import parse_bundle_json
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
