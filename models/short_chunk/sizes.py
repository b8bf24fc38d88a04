"""The sizes of a short-chunk network's layers; some 660,000 parameters."""

from __future__ import annotations

STEM_KERNEL = 5  # frames and bands
STEM_STRIDE = 2  # over both, which makes every later layer four times cheaper
STEM_CHANNELS = 32
BLOCK_CHANNELS = (32, 64, 128, 128)
KERNEL = 3
POOL = 2
EMBEDDING_SIZE = 200

SHORTEST_AXIS = STEM_STRIDE * POOL ** len(BLOCK_CHANNELS)
"""Frames and bands that a patch needs so that one value is left behind all strides and poolings."""
