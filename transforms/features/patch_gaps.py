"""Gaps between patches: some of a track's are left out, so that what is handed over is no whole track."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tonearm.models.front_end import FrontEnd
from tonearm.transforms.features.prepared import Spectrogram
from tonearm.transforms.features.spread_patches import covered_s


def with_gaps(spectrogram: Spectrogram, front_end: FrontEnd, hop_gap: int) -> Spectrogram:
    """Leave out patches of a spectrogram.

    Args:
        spectrogram: Of a track.
        front_end: What made it.
        hop_gap: Patches left out behind each one that stays; the first one stays always.

    Returns:
        The spectrogram of the patches that stay, in places of their own in the track.
    """
    starts_s = spectrogram.starts_s[:: hop_gap + 1]
    return replace(
        spectrogram,
        patches=np.ascontiguousarray(spectrogram.patches[:: hop_gap + 1]),
        starts_s=starts_s,
        analyzed_s=min(covered_s(starts_s, front_end), spectrogram.analyzed_s),
    )
