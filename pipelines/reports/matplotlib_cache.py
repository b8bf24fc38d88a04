"""Where matplotlib keeps its list of fonts; to be said before it is loaded."""

from __future__ import annotations

import logging
import os

from tonearm.models.engines.cache import cache_folder


def prepare_matplotlib() -> None:
    """Have matplotlib keep its list of fonts in our cache and not in folders of its own, and keep quiet."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    if folder := cache_folder():
        os.environ.setdefault("MPLCONFIGDIR", str(folder / "matplotlib"))
