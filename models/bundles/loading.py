"""Loads a tagger bundle: ``bundle.json`` and the weights beside it, both verified before first use."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from tonearm.models.bundles.bundle_json import parse_bundle_json
from tonearm.models.bundles.files import ReadFile, read_bundle_file, read_local_file, resolve_location
from tonearm.models.bundles.tagger import Tagger

BUNDLE_JSON_LIMIT = 4 * 1024 * 1024  # bytes


def load_tagger(location: str, read: ReadFile = read_local_file) -> Tagger:
    """Load a tagger and verify all of it, weights included, so that no fault waits for the first track.

    Args:
        location: Name of an embedded bundle (``musicnn``), or a folder that ``read`` knows.
        read: Reads the bundle's files; by default, of this machine.

    Returns:
        The tagger; engines build its networks where inference runs.

    Raises:
        BundleError: If the bundle is missing, damaged or inconsistent.

    Example:
        >>> load_tagger("musicnn").identity
        'musicnn@1'
    """
    folder = resolve_location(location)
    content = read_bundle_file(folder, "bundle.json", limit=BUNDLE_JSON_LIMIT, read=read)
    tagger = replace(parse_bundle_json(content, folder), read=read)
    tagger.check_weights()
    return tagger


@lru_cache(maxsize=4)
def cached_tagger(location: str, read: ReadFile = read_local_file) -> Tagger:
    """A bundle, read once by each process; see :func:`load_tagger`."""
    return load_tagger(location, read)
