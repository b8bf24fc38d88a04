"""Forty-eight songs by audio and by each form of file, and the memory that ten hours take."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from tests.catalog import counts, start_tonearm, tonearm, write_manifest
from tests.pipelines.test_spectrogram_input import (
    A_MEAN,
    A_SCORE,
    AS_SPECTROGRAMS,
    largest_differences,
)
from tests.spectrogram_files import PARQUET, record_of_audio, record_with, write_one
from tests.streaming import make_songs
from tests.tracks import FACTS
from tonearm.models.front_end import FrontEnd
from tonearm.transforms.audio.endings import has_audio_ending
from tonearm.transforms.sources.listing import track_id_of
from tonearm.transforms.spectrograms.form import SpectrogramForm
from tonearm.transforms.spectrograms.forms import FORMS
from tonearm.transforms.spectrograms.record import SpectrogramRecord

pytestmark = pytest.mark.slow

SONGS = 40


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory, samples: Path) -> list[Path]:
    """The eight samples, and forty songs of all formats."""
    folder = tmp_path_factory.mktemp("many songs")
    made = make_songs(folder, SONGS)
    shipped = [path for path in sorted(samples.parent.iterdir()) if has_audio_ending(path.name)]
    assert len(made) + len(shipped) == SONGS + 8
    return [*made, *shipped]


@pytest.fixture(scope="module")
def records(songs: list[Path]) -> list[SpectrogramRecord]:
    return [record_of_audio(song) for song in songs]


@pytest.fixture(scope="module")
def audio(tmp_path_factory: pytest.TempPathFactory, songs: list[Path]) -> Path:
    """The tables of the songs' audio."""
    folder = tmp_path_factory.mktemp("audio")
    rows = [{"track_id": track_id_of(str(song)), "uri": str(song)} for song in songs]
    manifest = write_manifest(folder / "songs.csv", rows)
    assert tonearm("ingest", manifest, "--output", folder / "tables") == 0
    return folder / "tables"


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_songs_are_tagged_as_from_their_audio(
    form: SpectrogramForm, records: list[SpectrogramRecord], audio: Path, output: Path, tmp_path: Path
) -> None:
    for record in records:
        write_one(tmp_path / "in", record, form)
    assert tonearm("ingest", tmp_path / "in", *AS_SPECTROGRAMS, "--output", output) == 0
    assert counts(output) == (len(records), len(records), 0, 0)
    differences = largest_differences(output, audio)
    print(form.name, {name: f"{value:.1e}" for name, value in differences.items()})
    assert differences["track_tags"] < A_MEAN
    assert differences["segments"] < A_SCORE


def test_a_spectrogram_of_ten_hours_takes_hardly_more_memory_than_a_short_one(tmp_path: Path) -> None:
    """Of ten hours, 1024 patches are handed over; more than fit into 128 MiB are refused unread."""
    peaks = {patches: _peak_bytes(tmp_path / str(patches), patches) for patches in (80, 1024)}
    assert peaks[1024] < peaks[80] + (512 << 20)


def _peak_bytes(folder: Path, patches: int) -> int:
    """The most memory that the command takes, with the processes that it starts."""
    values = np.random.default_rng(1).uniform(2, 4, (patches, 187, 96)).astype(np.float16)
    ten_hours = replace(FACTS, duration_s=36_000.0, decoded_s=36_000.0)
    record = replace(
        record_with(FrontEnd(), patches=values, facts=ten_hours, analyzed_s=patches * 2.992),
        starts_s=np.linspace(0, 35_990, patches),
    )
    write_one(folder / "in", record, PARQUET)
    command = start_tonearm("ingest", folder / "in", *AS_SPECTROGRAMS, "--output", folder / "out")
    process, peak = psutil.Process(command.pid), 0
    while command.poll() is None:
        with suppress(psutil.NoSuchProcess):
            peak = max(
                peak, sum(each.memory_info().rss for each in (process, *process.children(recursive=True)))
            )
        time.sleep(0.05)
    assert command.returncode == 0
    assert counts(folder / "out") == (1, 1, 0, 0)
    return peak
