"""What a file's name claims; what its bytes are is for ``identification`` to say."""

from __future__ import annotations

from pathlib import PurePosixPath

from tonearm.transforms.audio.formats.registry import AUDIO_ENDINGS


def claims_to_be_audio(uri: str) -> bool:
    """True if the name ends as audio files do: if it is none, that is a failure and no file to pass over."""
    return PurePosixPath(uri).suffix.lower() in AUDIO_ENDINGS
