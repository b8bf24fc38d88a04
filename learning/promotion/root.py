"""Moves of a bundle root's pointer: to a bundle that is copied into the root, and back to the one before."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime

from tonearm.errors import TonearmError, WrongCallError
from tonearm.models.bundles.files import resolve_location
from tonearm.models.bundles.loading import load_tagger
from tonearm.models.bundles.tagger import Tagger
from tonearm.transforms.storage.contract import StorageError
from tonearm.transforms.storage.local import delete_half_written
from tonearm.transforms.storage.objects import (
    joined,
    read_beginning,
    read_object,
    write_if_absent,
    write_if_unchanged,
)
from tonearm.transforms.storage.schemes import is_local
from tonearm.transforms.tagging.bundle_root import (
    POINTER,
    Move,
    MoveKind,
    Pointer,
    bundle_folder,
    is_identity,
    pointer_bytes,
    read_pointer,
    standing,
)
from tonearm.transforms.tagging.stored_tagger import absolute_tagger, bundle_files

_BUNDLE_JSON = "bundle.json"


class PromotionError(WrongCallError):
    """The pointer cannot be moved so; the message says why and what to do."""


class PointerMovedError(TonearmError):
    """Somebody else moved the pointer in the meantime."""


def root_location(location: str) -> str:
    """Where a bundle root lies, as text that holds in any working folder.

    Raises:
        PromotionError: It is the name of an embedded tagger, which `--tagger` would take.
        BundleError: It is no place.
    """
    place = absolute_tagger(location)
    if resolve_location(place) != place:
        raise PromotionError(f"{location} is an embedded tagger; if a folder is meant, write ./{location}")
    return place


def new_move(kind: MoveKind, tagger: Tagger, *, why: str, moved_by: str = "") -> Move:
    """A move to a bundle, as of now.

    Args:
        kind: Promotion or rollback.
        tagger: The bundle.
        why: Why it is moved.
        moved_by: Who moves it; empty for the account that runs this.
    """
    moment = datetime.now(UTC).isoformat(timespec="seconds")
    return Move(kind, tagger.identity, tagger.bundle_hash, moment, moved_by or _account(), why)


def promote(root: str, tagger: Tagger, move: Move, seen: Pointer | None) -> Pointer:
    """Copy a bundle into a root and make it the current one.

    The copy is whole and checked before the pointer is moved. A kill in between leaves a bundle that nothing
    points to, and the same call goes on from there.

    Args:
        root: Folder or URL of the root; made if it is not there.
        tagger: The bundle, loaded from wherever it lies.
        move: What is noted of it.
        seen: The pointer that the decision rests on; None if there was none.

    Returns:
        The pointer as it is now.

    Raises:
        PromotionError: The root holds another bundle of this name and version, or it cannot be copied.
        PointerMovedError: The pointer is no longer what was seen.
    """
    if not is_identity(tagger.identity):
        raise PromotionError(f"{tagger.identity} cannot be the name of a folder; give the bundle another")
    folder = bundle_folder(root, tagger.identity)
    try:
        if read_object(joined(root, _BUNDLE_JSON)) is not None:
            raise PromotionError(
                f"{root} is a bundle itself, which `--tagger` would take instead of what is current in it; "
                "name another folder as root"
            )
        for place in filter(is_local, (root, folder)):
            delete_half_written(place)
        _copy(tagger.folder, folder)
        require_whole(root, tagger.identity, tagger.bundle_hash)
        return _moved(root, move, seen)
    except StorageError as error:
        raise PromotionError(f"{tagger.identity} cannot be promoted: {error.message}") from error


def require_whole(root: str, identity: str, bundle_sha256: str) -> Tagger:
    """Load a root's bundle and check all of it.

    Raises:
        BundleError: It is damaged or gone.
        PromotionError: It is another one than was meant.
    """
    found = load_tagger(bundle_folder(root, identity), read_beginning)
    if (found.identity, found.bundle_hash) != (identity, bundle_sha256):
        raise PromotionError(
            f"{found.folder} holds another bundle than {identity} with SHA-256 {bundle_sha256[:12]}…: "
            "bundles in a root never change, so a changed one needs a new version"
        )
    return found


def pointer_if_any(root: str) -> Pointer | None:
    """The pointer of a root; None if it has none yet.

    Raises:
        PromotionError: It cannot be read.
        BundleError: It is damaged.
    """
    try:
        return read_pointer(root)
    except StorageError as error:
        raise PromotionError(f"The root cannot be read: {error.message}") from error


def pointer_of(root: str) -> Pointer:
    """The pointer of a root that has one.

    Raises:
        PromotionError: It has none, or it cannot be read.
        BundleError: It is damaged.
    """
    pointer = pointer_if_any(root)
    if pointer is None:
        raise PromotionError(f"{root} is no bundle root: it has no {POINTER}. `tonearm promote` makes one")
    return pointer


def roll_back(root: str, *, why: str, moved_by: str = "") -> Pointer:
    """Make that bundle current again that was so before the last promotion that still stands.

    Returns:
        The pointer as it is now.

    Raises:
        PromotionError: There is no pointer, or nothing before it.
        PointerMovedError: Somebody else moves it at the same time.
        BundleError: The bundle to go back to is damaged or gone.
    """
    seen = pointer_of(root)
    promotions = standing(seen.moves)
    if len(promotions) < 2:
        raise PromotionError(f"{root}: nothing was current before {seen.current.bundle}")
    before = promotions[-2]
    tagger = require_whole(root, before.bundle, before.bundle_sha256)
    move = new_move(MoveKind.ROLL_BACK, tagger, why=why, moved_by=moved_by)
    try:
        return _moved(root, move, seen)
    except StorageError as error:
        raise PromotionError(f"{root} cannot be rolled back: {error.message}") from error


def _copy(source: str, folder: str) -> None:
    """Copy all files of a bundle; what is there already has to be the same.

    ``bundle.json`` comes last, so that a folder that has one is whole.
    """
    for name in sorted(bundle_files(source), key=lambda name: name == _BUNDLE_JSON):
        found = read_object(joined(source, name))
        if found is None:
            raise PromotionError(f"{joined(source, name)} vanished while it was copied; call again")
        target = joined(folder, name)
        if write_if_absent(target, found.content) is None and _differs(target, found.content):
            raise PromotionError(
                f"{target} is there with other content: bundles in a root never change. "
                "Give the changed bundle a new version"
            )


def _differs(location: str, content: bytes) -> bool:
    present = read_object(location)
    return present is None or present.content != content


def _moved(root: str, move: Move, seen: Pointer | None) -> Pointer:
    location = joined(root, POINTER)
    moves = (*seen.moves, move) if seen else (move,)
    content = pointer_bytes(moves)
    written = (
        write_if_unchanged(location, content, seen.contents) if seen else write_if_absent(location, content)
    )
    if written is None:
        present = read_pointer(root)
        now = f"{present.current.bundle}, moved by {present.current.moved_by}" if present else "gone"
        raise PointerMovedError(
            f"{location} was moved by somebody else meanwhile and is now {now}. Look at it, and call again "
            "if you still want to"
        )
    return Pointer(moves, written)


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without an entry
        return "unknown"
