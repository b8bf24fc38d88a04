"""Failures: what went wrong with one track, in stable words that a table can be grouped by."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from tonearm.errors import MachineError
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.track import Track

MAX_MESSAGE_CHARACTERS = 500


class Stage(StrEnum):
    """Where in the graph a track failed."""

    SOURCE = "source"
    FETCH = "fetch"
    DECODE = "decode"
    SPECTROGRAM = "spectrogram"
    INFERENCE = "inference"
    WRITE = "write"


class TrackError(Exception):
    """One track cannot be worked; the run goes on.

    Args:
        stage: Where it happened.
        error: The stable word.
        message: A sentence for people; no audio data, credentials or signed URL parameters.
        retriable: True if the same bytes may succeed at another time (storage faults, lack of memory).
    """

    def __init__(self, stage: Stage, error: ErrorWord, message: str, *, retriable: bool = False) -> None:
        super().__init__(message)
        self.stage = stage
        self.error = error
        self.message = message[:MAX_MESSAGE_CHARACTERS]
        self.retriable = retriable

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle with all arguments, so that the error crosses process borders whole."""
        return _rebuild_track_error, (self.stage, self.error, self.message, self.retriable)


def _rebuild_track_error(stage: Stage, error: ErrorWord, message: str, retriable: bool) -> TrackError:
    return TrackError(stage, error, message, retriable=retriable)


@contextmanager
def failing_at(stage: Stage) -> Iterator[None]:
    """Turn an error that nobody foresaw into a failure of this track, at the stage that raised it.

    Only the error's type is told, and the system's own words for its number: a library's message may quote
    what must not be in a table.

    Raises:
        TrackError: What the body raised; one that an inner stage raised keeps that stage.
        MachineError: It was no fault of the track.
    """
    try:
        yield
    except (TrackError, MachineError):
        raise
    except Exception as error:
        message = f"unexpected {type(error).__name__}"
        if isinstance(error, OSError) and error.errno is not None:
            message += f": {os.strerror(error.errno)}"
        retriable = isinstance(error, MemoryError | OSError)
        raise TrackError(stage, ErrorWord.INTERNAL, message, retriable=retriable) from error


@dataclass(frozen=True, slots=True)
class Failure:
    """One row of the ``failures`` table."""

    track: Track
    stage: Stage
    error: ErrorWord
    message: str
    retriable: bool
    occurred_at: datetime

    @property
    def kind(self) -> str:
        """``stage/error``: a track has at most one row of each kind a generation."""
        return f"{self.stage}/{self.error}"

    @classmethod
    def of(cls, track: Track, error: TrackError) -> Failure:
        """Bind an error to the track that met it, now."""
        return cls(track, error.stage, error.error, error.message, error.retriable, datetime.now(UTC))
