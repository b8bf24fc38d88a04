"""Taggers wherever they are stored: embedded, in a folder, or in any store."""

from __future__ import annotations

import os
from dataclasses import dataclass

from tonearm.models.bundles.files import BundleError, resolve_location
from tonearm.models.bundles.loading import cached_tagger
from tonearm.models.bundles.tagger import Tagger
from tonearm.transforms.storage.contract import StorageError
from tonearm.transforms.storage.objects import names_below, read_beginning
from tonearm.transforms.storage.schemes import is_local, normal_location
from tonearm.transforms.tagging.bundle_root import bundle_folder, read_pointer


@dataclass(frozen=True, slots=True)
class NamedTagger:
    """What a ``--tagger`` names.

    Attributes:
        location: The bundle: a name, folder or URL.
        root: The bundle root that it is current in; empty if it was named by itself.
    """

    location: str
    root: str = ""


def named_tagger(location: str) -> NamedTagger:
    """The bundle of a name, folder or URL; of a bundle root the one that is current in it now.

    Raises:
        BundleError: There is no such bundle, or it is damaged or inconsistent.
    """
    try:
        stored_tagger(location)
        return NamedTagger(location)
    except BundleError as error:
        root = absolute_tagger(location)
        try:
            pointer = read_pointer(root)
        except StorageError:
            raise error from None  # what keeps the pointer from being read kept the bundle from it too
        if pointer is None:
            raise
    current = pointer.current
    folder = bundle_folder(root, current.bundle)
    if stored_tagger(folder).bundle_hash != current.bundle_sha256:
        raise BundleError(
            f"{folder} is not the bundle that was made current: bundles in a root never change. Put the "
            "right one back, or promote a new version"
        )
    return NamedTagger(folder, root)


def tagger_at(location: str) -> Tagger:
    """The tagger of a name, folder or URL; of a bundle root the one that is current in it now.

    Raises:
        BundleError: There is no such bundle, or it is damaged or inconsistent.
    """
    return stored_tagger(named_tagger(location).location)


def absolute_tagger(location: str) -> str:
    """A tagger's place as a cluster's workers can read it, whose working folder is another.

    Raises:
        BundleError: It is a ``file://`` URL of another host.
    """
    normal = _normal(location)
    is_here = is_local(normal) and resolve_location(normal) == normal
    return os.path.abspath(normal) if is_here else normal  # noqa: PTH100 - the path is text


def stored_tagger(location: str) -> Tagger:
    """A bundle, read once by each process; see :func:`tonearm.models.bundles.loading.load_tagger`.

    Args:
        location: Name of an embedded bundle (``musicnn``), a folder, or a URL (``gs://bucket/taggers/ours``).

    Raises:
        BundleError: If the bundle is missing, damaged or inconsistent.
    """
    return cached_tagger(_normal(location), read_beginning)


def bundle_files(folder: str) -> list[str]:
    """The names of a bundle's files; what lies in folders of it, or is hidden, is no part of it.

    Raises:
        StorageError: The folder cannot be listed.
    """
    return [name for name in names_below(folder) if "/" not in name and not name.startswith(".")]


def _normal(location: str) -> str:
    try:
        return normal_location(location)
    except StorageError as error:
        raise BundleError(f"{location}: {error.message}") from error
