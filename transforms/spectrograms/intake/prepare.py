"""From a record to what the networks see: read, checked, and thinned to what the run takes."""

from __future__ import annotations

import numpy as np

from tonearm.models.front_end import FrontEnd
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import Stage, TrackError, failing_at
from tonearm.transforms.elements.settings import AnalysisSettings
from tonearm.transforms.elements.stage_times import StageTimes
from tonearm.transforms.elements.track import Track
from tonearm.transforms.features.prepared import PreparedTrack, Spectrogram
from tonearm.transforms.features.spread_patches import SpreadPatches, covered_s
from tonearm.transforms.spectrograms.intake.stored_file import read_record
from tonearm.transforms.spectrograms.intake.validation import require_valid
from tonearm.transforms.spectrograms.record import SpectrogramRecord


def prepare_record(
    track: Track, settings: AnalysisSettings, front_end: FrontEnd, times: StageTimes
) -> PreparedTrack:
    """Fetch a track's spectrogram, check it and make patches of it.

    Raises:
        TrackError: With the stage and the word of what went wrong.
    """
    assert track.spectrogram
    with failing_at(Stage.FETCH), times.measure("fetch"):
        record = read_record(track.spectrogram)
    with failing_at(Stage.SPECTROGRAM), times.measure("mel"):
        _require_announced(record, track)
        require_valid(record, front_end)
        spectrogram = _spectrogram_of(record, settings.max_patches)
    return PreparedTrack(track, record.facts, spectrogram)


def _require_announced(record: SpectrogramRecord, track: Track) -> None:
    if (record.track_id, record.generation) != (track.track_id, track.generation):
        message = "the file names another track in its footer than in its rows"
        raise TrackError(Stage.SPECTROGRAM, ErrorWord.INCONSISTENT_SPECTROGRAM, message)


def _spectrogram_of(record: SpectrogramRecord, max_patches: int) -> Spectrogram:
    """The patches in float32; of more than the run takes, those that ingestion of the audio would pick."""
    patches = record.patches.astype(np.float32)
    starts_s, analyzed_s = record.starts_s, record.analyzed_s
    if len(patches) > max_patches:
        kept = SpreadPatches(record.front_end, max_patches)
        kept.add(patches)
        patches, places = kept.picked()
        starts_s = starts_s[places]
        analyzed_s = min(covered_s(starts_s, record.front_end), analyzed_s)
    return Spectrogram(
        patches=patches,
        starts_s=starts_s,
        analyzed_s=analyzed_s,
        silent=record.silent,
        fingerprint=record.fingerprint,
    )
