"""Gaps between patches: some of a track's are left out, so that what is handed over is no whole track."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tonearm.models.front_end import FrontEnd
from tonearm.transforms.features.prepared import Spectrogram


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
    patch_s = front_end.patch_frames * front_end.hop_length / front_end.sample_rate_hz
    covered_s = float(np.minimum(np.diff(starts_s), patch_s).sum()) + patch_s
    return replace(
        spectrogram,
        patches=np.ascontiguousarray(spectrogram.patches[:: hop_gap + 1]),
        starts_s=starts_s,
        analyzed_s=min(covered_s, spectrogram.analyzed_s),
    )
