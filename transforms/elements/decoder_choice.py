"""Which libraries decode: a choice of the call, the same for all workers of a run."""

from __future__ import annotations

from enum import StrEnum
from importlib.util import find_spec

from tonearm.errors import WrongCallError


class DecoderChoice(StrEnum):
    """The values of ``--decoder``."""

    FFMPEG_AND_LIBSNDFILE = "ffmpeg-and-libsndfile"
    """Either of them, whichever is better for a format; the other one where the first breaks off."""

    TENSORFLOW_IO = "tensorflow-io"
    """TensorFlow I/O for what it reads; the two above for all else, and where it breaks off."""

    TENSORFLOW_IO_ONLY = "tensorflow-io-only"
    """TensorFlow I/O and nothing else: other formats are failures."""


def require_installed(choice: DecoderChoice) -> None:
    """Refuse a decoder that is not installed, before anything is begun.

    Raises:
        WrongCallError: With what installs it.
    """
    if choice is DecoderChoice.FFMPEG_AND_LIBSNDFILE or find_spec("tensorflow_io"):
        return
    raise WrongCallError(
        f"--decoder {choice} needs TensorFlow I/O, which is not installed; in a clone of Tonearm, in an "
        "environment of its own: uv pip install '.[tensorflow-io]'"
    )
