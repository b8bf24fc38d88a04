"""Endings of file names that stand for audio; what the bytes are is for ``identification`` to say."""

from __future__ import annotations

from pathlib import PurePosixPath

from tonearm.transforms.audio.formats.registry import AUDIO_ENDINGS


def has_audio_ending(uri: str) -> bool:
    """True if the name ends as audio files do: a file so named that is no audio is a failure.

    >>> has_audio_ending("gs://bucket/B/Side.FLAC"), has_audio_ending("cover.jpg")
    (True, False)
    """
    return PurePosixPath(uri).suffix.lower() in AUDIO_ENDINGS
