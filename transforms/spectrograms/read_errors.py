"""What can be wrong with a file of spectrograms before anything is known of the spectrogram itself."""

from __future__ import annotations

from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import Stage, TrackError

MOST_PATCH_BYTES = 128 << 20
"""What a track's patches may take, uncompressed: 3 hours of the embedded tagger's in float16, 1.5 in float32.
A longer track's patches are to be spread over it, as `tonearm spectrograms --max_patches` does."""

MOST_OTHER_BYTES = 4 << 20
"""What all other keys of a track may take together."""


def not_spectrogram(message: str) -> TrackError:
    """The bytes are surely something else: a text, a document, another table."""
    expected = "expected a spectrogram as Parquet, .npz or TFRecord"
    return TrackError(Stage.DECODE, ErrorWord.NOT_SPECTROGRAM, f"{message}; {expected}")


def unreadable(message: str) -> TrackError:
    """The bytes are no whole file of their form."""
    return TrackError(Stage.DECODE, ErrorWord.UNREADABLE_SPECTROGRAM, message)


def incomplete(message: str) -> TrackError:
    """A file of its form, whose keys are not those of a record."""
    return TrackError(Stage.DECODE, ErrorWord.INCOMPLETE_SPECTROGRAM, message)


def require_fitting(what: str, given: int, most: int) -> None:
    """Refuse what would take more memory than a track may.

    Raises:
        TrackError: ``too_large``.
    """
    if given > most:
        message = f"{what}: {given} bytes uncompressed, at most {most} are read"
        raise TrackError(Stage.DECODE, ErrorWord.TOO_LARGE, message)
