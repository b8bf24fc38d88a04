"""Records of spectrograms, and files of them in each form, sound and damaged."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.tracks import FACTS
from tonearm.models.front_end import FrontEnd
from tonearm.transforms.elements.settings import AnalysisSettings
from tonearm.transforms.elements.stage_times import StageTimes
from tonearm.transforms.elements.track import Track
from tonearm.transforms.features.prepare import prepare_track
from tonearm.transforms.sources.listing import arrivals_at
from tonearm.transforms.spectrograms.form import SpectrogramForm
from tonearm.transforms.spectrograms.forms import FORMS
from tonearm.transforms.spectrograms.parquet_form import FILE_OPTIONS, SCHEMA, row_of
from tonearm.transforms.spectrograms.record import SpectrogramRecord, record_of

PARQUET, NPZ, TFRECORD = FORMS

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


def record_of_audio(path: Path, track_id: str = "", **metadata: str) -> SpectrogramRecord:
    """The record of an audio file, with the keys that ingestion of that file would give it."""
    (announced,) = arrivals_at(str(path))
    assert isinstance(announced, Track)
    track = replace(announced, track_id=track_id or announced.track_id, metadata=metadata)
    return record_of(prepare_track(track, AnalysisSettings(), FrontEnd(), StageTimes()), FrontEnd())


def write_one(folder: Path, record: SpectrogramRecord, form: SpectrogramForm) -> Path:
    """Write a file of one track, named by its id."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{record.track_id}{form.ending}"
    path.write_bytes(file_of(record, form))
    return path


def write_shard(path: Path, records: Iterable[SpectrogramRecord]) -> Path:
    """Write a Parquet file of many tracks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = pa.Table.from_pylist([row_of(record) for record in records], SCHEMA)
    pq.write_table(rows, path, **FILE_OPTIONS)
    return path


def write_mixed(folder: Path, records: Sequence[SpectrogramRecord]) -> None:
    """Write tracks in all three forms: a third in one Parquet file, the others in a file each."""
    third = -(-len(records) // 3)
    write_shard(folder / "many.parquet", records[:third])
    for number, record in enumerate(records[third:]):
        write_one(folder, record, (NPZ, TFRECORD)[number % 2])
