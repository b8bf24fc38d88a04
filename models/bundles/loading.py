"""Loads a tagger bundle: ``bundle.json`` and the weights beside it, both verified before first use."""

from __future__ import annotations

from functools import lru_cache

from tonearm.models.bundles.bundle_json import parse_bundle_json
from tonearm.models.bundles.files import read_bundle_file, resolve_location
from tonearm.models.bundles.tagger import Tagger

BUNDLE_JSON_LIMIT = 4 * 1024 * 1024  # bytes


def load_tagger(location: str) -> Tagger:
    """Load a tagger and verify all of it, weights included, so that no fault waits for the first track.

    Args:
        location: Name of an embedded bundle (``musicnn``), a local folder, or a URL that Beam's filesystems
            read (``gs://bucket/taggers/ours``).

    Returns:
        The tagger; engines build its networks where inference runs.

    Raises:
        BundleError: If the bundle is missing, damaged or inconsistent.

    Example:
        >>> load_tagger("musicnn").identity
        'musicnn@1'
    """
    folder = resolve_location(location)
    content = read_bundle_file(folder, "bundle.json", limit=BUNDLE_JSON_LIMIT)
    tagger = parse_bundle_json(content, folder)
    tagger.check_weights()
    return tagger


@lru_cache(maxsize=4)
def cached_tagger(location: str) -> Tagger:
    """A bundle, read once a process; see :func:`load_tagger`."""
    return load_tagger(location)
