"""The sizes of a musicnn network's layers, as trained."""

from __future__ import annotations

EMBEDDING_SIZE = 200
FRONT_KERNELS = ((7, 38), (7, 67), (128, 1), (64, 1), (32, 1))  # frames x bands: two timbral, three temporal
FRONT_CHANNELS = (204, 204, 51, 51, 51)
MIDDLE_CHANNELS = 64
MIDDLE_LAYERS = 3
MIDDLE_KERNEL = 7
