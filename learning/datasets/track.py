"""A track of a built data set, and the errors of data sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tonearm.errors import WrongCallError


class DatasetError(WrongCallError):
    """A data set cannot be used as it is; the message says what is wrong and what to do."""


@dataclass(frozen=True, slots=True, eq=False)
class DatasetTrack:
    """A track with its labels and the patches that are trained on.

    Attributes:
        track_id: Its id, the only one of its data set.
        uri: Where its audio was read from, absolute. In files it is relative if it lies below the manifest's
            folder, so that the same tracks elsewhere give the same bytes.
        group: What does not stand on both sides of a split; empty if the manifest does not tell.
        labels: int8 [labels], in the order of the data set's vocabulary: 1 holds, -1 does not, 0 is unknown.
        content_sha256: SHA-256 of the audio file, in hex.
        licence: As the manifest has it; empty if it does not tell.
        manifest: File of the manifest that says ``training_opt_in = true``; relative to its folder.
        manifest_row: Its row there, from 1, without the header.
        metadata: The manifest's further columns.
        codec: Codec of the audio, such as ``flac``.
        duration_s: Seconds of audio that were decoded.
        truncated: True if that is less than the file promises.
        starts_s: float64 [patches], where each patch begins in the track, in seconds.
        patches: float32 [patches, patch_frames, mel_bands], as ingestion shows them to a network.
    """

    track_id: str
    uri: str
    group: str
    labels: npt.NDArray[np.int8]
    content_sha256: str
    licence: str
    manifest: str
    manifest_row: int
    metadata: Mapping[str, str]
    codec: str
    duration_s: float
    truncated: bool
    starts_s: npt.NDArray[np.float64]
    patches: npt.NDArray[np.float32]
