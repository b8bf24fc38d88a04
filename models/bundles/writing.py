"""Writes a bundle: checked as on loading, written beside its place, and moved there when it is whole."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from uuid import uuid4

from tonearm.errors import TonearmError
from tonearm.models.bundles.bundle_json import FORMAT
from tonearm.models.bundles.draft import BundleDraft, Json, NetworkDraft, TagDraft
from tonearm.models.bundles.files import BundleError, read_local_file
from tonearm.models.bundles.loading import load_tagger
from tonearm.models.bundles.tagger import Tagger
from tonearm.models.bundles.weights import write_weights
from tonearm.models.front_end import FrontEnd
from tonearm.models.json_text import format_json

_BUNDLE_JSON = "bundle.json"


class BundleWriteError(TonearmError):
    """A bundle could not be written, and nothing of it was left; the message says why."""


def require_new_bundle(folder: Path) -> None:
    """Check, before work is spent on it, that a bundle may be written to a folder.

    Raises:
        BundleError: If something is there already, or the folder is not on this machine.
    """
    if ":/" in str(folder):
        raise BundleError(
            f"{folder}: a bundle is written to a folder of this machine; copy it there afterwards."
        )
    if os.path.lexists(folder):
        raise BundleError(f"{folder} is there already, and a bundle is never changed: name a new folder.")


def write_bundle(folder: Path, draft: BundleDraft) -> Tagger:
    """Write a bundle; the same draft gives the same bytes, whenever and wherever it is written.

    Args:
        folder: Where to; made here, whole or not at all.
        draft: What the bundle holds.

    Returns:
        The tagger, loaded from what was written.

    Raises:
        BundleError: If the folder is there already, or loading would refuse the bundle; nothing is written.
        BundleWriteError: If the disk is full or the folder cannot be written.
        ValueError: If a further section or file has a name that the bundle itself needs.
    """
    return write_bundle_files(folder, _contents(draft))


def write_bundle_files(folder: Path, contents: Mapping[str, bytes]) -> Tagger:
    """Write a bundle of files that are at hand, whole or not at all; see :func:`write_bundle`.

    Args:
        folder: Where to; made here.
        contents: All its files by their plain names, ``bundle.json`` among them.
    """
    require_new_bundle(folder)
    folder = folder.absolute()

    def read_draft(location: str, limit: int) -> bytes:
        return contents[Path(location).name][:limit]

    tagger = load_tagger(str(folder), read_draft)
    try:
        with _moved_when_whole(folder) as temporary:
            for name, content in contents.items():
                _write_file(temporary / name, content)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            require_new_bundle(folder)  # someone else was faster
        raise BundleWriteError(
            f"Cannot write the bundle {folder}: {error.strerror}. Nothing of it was left there."
        ) from error
    return replace(tagger, read=read_local_file)


def _contents(draft: BundleDraft) -> dict[str, bytes]:
    """All files by their names."""
    weights = {f"{network.name}.safetensors": write_weights(network.weights) for network in draft.networks}
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in weights.items()}
    texts = {name: text.encode() for name, text in draft.texts.items()}
    own = {_BUNDLE_JSON: format_json(_document(draft, hashes)).encode(), **weights}
    _require_free(texts, own)
    for name in texts:
        if Path(name).name != name or name.startswith("."):
            raise ValueError(f"{name!r} is not the plain name of a file")
    return own | texts


def _document(draft: BundleDraft, hashes: Mapping[str, str]) -> dict[str, Json]:
    """What ``bundle.json`` holds, in the order in which people read it."""
    own = {
        "format": FORMAT,
        "name": draft.name,
        "version": draft.version,
        "description": draft.description,
        "front_end": _front_end(draft.front_end),
        "networks": [_network(network, hashes) for network in draft.networks],
        "outputs": [
            {"label": output.label, "network": network.name, "tag": output.tag}
            for network in draft.networks
            for output in network.outputs
        ],
        "tags": {tag.tag: _tag(tag) for tag in draft.tags},
        "selection": {"limits": dict(draft.selection.limits), "exclusive": draft.selection.exclusive},
    }
    _require_free(draft.sections, own)
    return own | dict(draft.sections)


def _require_free(further: Mapping[str, object], own: Mapping[str, object]) -> None:
    if taken := further.keys() & own.keys():
        raise ValueError(f"the bundle itself has {', '.join(sorted(taken))}")


def _front_end(front_end: FrontEnd) -> dict[str, Json]:
    return {"settings": asdict(front_end), "fingerprint": front_end.fingerprint}


def _network(network: NetworkDraft, hashes: Mapping[str, str]) -> dict[str, Json]:
    file = f"{network.name}.safetensors"
    own = {
        "name": network.name,
        "architecture": network.architecture,
        "weights": {"file": file, "sha256": hashes[file]},
    }
    _require_free(network.about, own)
    return own | dict(network.about)


def _tag(tag: TagDraft) -> dict[str, Json]:
    rule: dict[str, Json] = {"facet": tag.facet, "merge": tag.merge, "threshold": tag.threshold}
    return rule | ({"calibration": tag.calibration.as_json()} if tag.calibration else {})


@contextmanager
def _moved_when_whole(folder: Path) -> Iterator[Path]:
    """A folder beside the one that is meant; it takes its place in the end, and goes if anything fails."""
    temporary = folder.with_name(f".{folder.name}.{uuid4().hex}")
    try:
        temporary.mkdir(parents=True)
        yield temporary
        temporary.rename(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _write_file(path: Path, content: bytes) -> None:
    """Write a file and wait until the disk has it: a bundle must not be empty after a power cut."""
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
