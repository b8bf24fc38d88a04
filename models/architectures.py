"""The registry of architectures: what a bundle may name. A bundle brings weights, never code."""

from __future__ import annotations

from tonearm.models.architecture import Architecture
from tonearm.models.musicnn.architecture import MusicnnArchitecture
from tonearm.models.short_chunk.architecture import ShortChunkArchitecture

ARCHITECTURES: dict[str, Architecture] = {
    architecture.name: architecture for architecture in (MusicnnArchitecture(), ShortChunkArchitecture())
}
"""By the name that ``bundle.json`` uses; see :mod:`tonearm.models.architecture` for how to add one."""
