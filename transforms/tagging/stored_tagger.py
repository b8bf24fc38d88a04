"""Taggers wherever they are stored: embedded, in a folder, or in any store."""

from __future__ import annotations

from tonearm.models.bundles.files import BundleError
from tonearm.models.bundles.loading import cached_tagger
from tonearm.models.bundles.tagger import Tagger
from tonearm.transforms.storage.contract import StorageError
from tonearm.transforms.storage.objects import read_beginning
from tonearm.transforms.storage.schemes import normal_location


def stored_tagger(location: str) -> Tagger:
    """A bundle, read once by each process; see :func:`tonearm.models.bundles.loading.load_tagger`.

    Args:
        location: Name of an embedded bundle (``musicnn``), a folder, or a URL (``gs://bucket/taggers/ours``).

    Raises:
        BundleError: If the bundle is missing, damaged or inconsistent.
    """
    try:
        normal = normal_location(location)
    except StorageError as error:
        raise BundleError(f"{location}: {error.message}") from error
    return cached_tagger(normal, read_beginning)
