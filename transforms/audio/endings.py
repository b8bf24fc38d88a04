"""What a file's name claims; what its bytes are is for ``audio_format`` to say."""

from __future__ import annotations

from pathlib import PurePosixPath

_AUDIO_ENDINGS = frozenset(
    {
        *(".mp3", ".mp2", ".aac", ".m4a", ".m4b", ".mp4", ".alac", ".wma", ".asf"),
        *(".flac", ".wav", ".wave", ".w64", ".rf64", ".bwf", ".aif", ".aiff", ".aifc", ".caf"),
        *(".ogg", ".oga", ".opus", ".mka", ".webm"),
    }
)


def claims_to_be_audio(uri: str) -> bool:
    """True if the name ends as audio files do: if it is none, that is a failure and no file to pass over."""
    return PurePosixPath(uri).suffix.lower() in _AUDIO_ENDINGS
