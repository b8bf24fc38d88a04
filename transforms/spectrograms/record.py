"""The record of one track's spectrogram: what travels in place of the audio."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tonearm.models.front_end import FrontEnd
from tonearm.transforms.elements.readable import readable
from tonearm.transforms.features.prepared import AudioFacts, PreparedTrack
from tonearm.transforms.storage.schemes import stored_uri


@dataclass(frozen=True, slots=True)
class SpectrogramRecord:
    """One track, as it is handed over without its audio.

    Attributes:
        track_id: The catalog's own id, or one derived from the URI.
        uri: Where the audio was read from; empty where the rights holder withholds it.
        generation: Version of the object that was read.
        facts: What fetching and decoding found out about the audio.
        analyzed_s: Seconds of audio that the patches cover.
        silent: True if the track is silent.
        fingerprint: Fingerprint of the front end that made the patches.
        front_end: Its settings.
        starts_s: float64 [patches], where each patch begins in the track, in seconds.
        patches: [patches, patch_frames, mel_bands]; float16 where this project wrote it. Of a file of others
            whatever its numbers are, in whatever shape: ``read`` does not judge them.
        metadata: The manifest's other columns.
    """

    track_id: str
    uri: str
    generation: str
    facts: AudioFacts
    analyzed_s: float
    silent: bool
    fingerprint: str
    front_end: FrontEnd
    starts_s: npt.NDArray[np.float64]
    patches: npt.NDArray[np.generic]
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TrackHeading:
    """What a file tells of one of its tracks before its patches are read.

    Attributes:
        place: Where the track is in the file, from 0; a Parquet file's row group.
        track_id: As in the record, and so the others.
    """

    place: int
    track_id: str
    uri: str
    generation: str
    metadata: Mapping[str, str]


def record_of(prepared: PreparedTrack, front_end: FrontEnd, *, with_uri: bool = True) -> SpectrogramRecord:
    """The record of a track that was prepared from audio.

    Args:
        prepared: The track with its facts and float32 patches, which become float16: half the bytes, and
            ten bits of a number whose tenth decides no tag.
        front_end: What made the patches.
        with_uri: False to leave the URI out.
    """
    track, spectrogram = prepared.track, prepared.spectrogram
    return SpectrogramRecord(
        track_id=readable(track.track_id),
        uri=stored_uri(track.uri) if with_uri else "",
        generation=track.generation,
        facts=prepared.facts,
        analyzed_s=spectrogram.analyzed_s,
        silent=spectrogram.silent,
        fingerprint=spectrogram.fingerprint,
        front_end=front_end,
        starts_s=spectrogram.starts_s,
        patches=spectrogram.patches.astype(np.float16),
        metadata={readable(name): readable(value) for name, value in track.metadata.items()},
    )
