"""The track: one recording of the catalog on its way through the pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tonearm.transforms.elements.input_kind import InputKind


@dataclass(frozen=True, slots=True)
class SpectrogramPlace:
    """Where a track's spectrogram lies: in a file that may hold those of many tracks.

    Attributes:
        uri: Where the file is.
        generation: Version of the file; empty where it could not be looked at.
        size_bytes: Size of the file, where it could.
        place: Which of the file's tracks it is, from 0.
    """

    uri: str
    generation: str = ""
    size_bytes: int | None = None
    place: int = 0


@dataclass(frozen=True, slots=True)
class Track:
    """One recording, as the source announced it.

    Attributes:
        track_id: The catalog's own id, or one derived from the URI (see ``sources``).
        uri: Where the bytes are: a local path, or a URL of a scheme of ``storage/schemes.py``. If it comes as
            a spectrogram, where the audio is, by its record.
        generation: Version of the object: GCS generation, S3 ETag, or mtime and size of a local file.
            Empty where the object could not be looked at. Of a spectrogram, that of the audio.
        size_bytes: Size of the object, where the listing said so.
        metadata: The manifest's other columns.
        named: True if a manifest or a retry names the track; False if a listing or a notification came upon
            the file, in which case a file that is no audio is skipped and not a failure.
        past_failures: ``stage/error`` of its rows in ``failures``, which are not written again.
        spectrogram: Where its spectrogram lies; None if it comes as audio.
    """

    track_id: str
    uri: str
    generation: str = ""
    size_bytes: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    named: bool = False
    past_failures: tuple[str, ...] = ()
    spectrogram: SpectrogramPlace | None = None

    @property
    def input_kind(self) -> InputKind:
        """What it comes as."""
        return InputKind.SPECTROGRAM if self.spectrogram else InputKind.AUDIO

    @property
    def read_from(self) -> str:
        """Where the bytes are that are read."""
        return self.spectrogram.uri if self.spectrogram else self.uri
