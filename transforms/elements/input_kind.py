"""What a track comes as: audio, or a spectrogram in its place."""

from __future__ import annotations

from enum import StrEnum


class InputKind(StrEnum):
    """The values of ``track_tags.input_kind`` and of ``--input_kind``."""

    AUDIO = "audio"
    SPECTROGRAM = "spectrogram"
