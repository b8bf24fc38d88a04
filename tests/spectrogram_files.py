"""Records of spectrograms, and files of them in each form, sound and damaged."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from tests.tracks import FACTS
from tonearm.models.front_end import FrontEnd
from tonearm.transforms.spectrograms.form import SpectrogramForm
from tonearm.transforms.spectrograms.record import SpectrogramRecord

SMALL = FrontEnd(patch_frames=3, patch_hop_frames=3, mel_bands=4)
"""A front end whose patches have twelve numbers."""


def record_with(front_end: FrontEnd = SMALL, *, count: int = 2, **changed: Any) -> SpectrogramRecord:
    """A record with so many patches of rising numbers; what is named takes the place of that."""
    shape = (count, front_end.patch_frames, front_end.mel_bands)
    values = {
        "track_id": "a",
        "uri": "/music/a.flac",
        "generation": "1",
        "facts": FACTS,
        "analyzed_s": 8.9,
        "silent": False,
        "fingerprint": front_end.fingerprint,
        "front_end": front_end,
        "starts_s": np.arange(count) * front_end.patch_seconds,
        "patches": np.linspace(0, 4, int(np.prod(shape)), dtype=np.float16).reshape(shape),
        "metadata": {"isrc": "DEA012300001"},
    }
    return SpectrogramRecord(**values | changed)


def file_of(record: SpectrogramRecord, form: SpectrogramForm) -> bytes:
    """A file of one track."""
    file = io.BytesIO()
    form.write(record, file)
    return file.getvalue()
