"""Taggers wherever they are stored: embedded, in a folder, or in any store."""

from __future__ import annotations

import os

from tonearm.models.bundles.files import BundleError, resolve_location
from tonearm.models.bundles.loading import cached_tagger
from tonearm.models.bundles.tagger import Tagger
from tonearm.transforms.storage.contract import StorageError
from tonearm.transforms.storage.objects import read_beginning
from tonearm.transforms.storage.schemes import is_local, normal_location


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


def _normal(location: str) -> str:
    try:
        return normal_location(location)
    except StorageError as error:
        raise BundleError(f"{location}: {error.message}") from error
