"""Checks that open audio: of tracks with consent alone.

A file is not opened if any row that names it has no consent, under whatever name: a link to it is the same
file. Files are compared by their bytes; of files that are the same, one is decoded. Audio that was encoded
again is other bytes, and is not found.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tonearm.learning.checks.finding import CheckWord, Finding, about
from tonearm.learning.labelled.consent import consent_of
from tonearm.learning.labelled.labels import LabelValue
from tonearm.learning.labelled.track import BadRow, LabelledTrack
from tonearm.transforms.audio.isolation.isolated_reader import open_audio_isolated, require_decoder
from tonearm.transforms.elements.decoder_choice import DecoderChoice
from tonearm.transforms.elements.failure import Stage, TrackError, failing_at
from tonearm.transforms.elements.settings import MAX_TRACK_BYTES
from tonearm.transforms.elements.stage_times import StageTimes
from tonearm.transforms.elements.track import Track
from tonearm.transforms.storage.contract import StorageError
from tonearm.transforms.storage.fetch import fetch_error, fetched
from tonearm.transforms.storage.schemes import look_up

_RATE_HZ = 16_000
"""What the embedded tagger hears; only the length counts here."""


@dataclass(slots=True)
class AudioChecks:
    """Findings about audio, and what was heard.

    Attributes:
        min_seconds: Audio that is shorter is too short.
        by_content: The tracks of each content, by its SHA-256.
    """

    min_seconds: float
    by_content: dict[str, list[LabelledTrack]] = field(default_factory=lambda: defaultdict(list))
    _lengths: dict[str, float] = field(default_factory=dict)

    def listen(self, rows: Sequence[LabelledTrack | BadRow]) -> Iterator[Finding]:
        """Read and decode the audio of all tracks with consent, one after the other.

        Raises:
            MachineError: No decoder can be started.
        """
        consent = consent_of(rows)
        for track in consent.contradicted:
            message = "another row names the same file without consent: it is not opened"
            yield about(CheckWord.CONSENT_CONTRADICTED, message, track)
        if consent.given:
            require_decoder(DecoderChoice.FFMPEG_AND_LIBSNDFILE)
        for track in consent.given:
            try:
                seconds = self._seconds(track)
            except TrackError as error:
                message = f"{track.uri}: {error.error}: {error.message}"
                yield about(CheckWord.UNREADABLE_AUDIO, message, track)
            else:
                if seconds < self.min_seconds:
                    message = f"{track.uri} is {seconds:.2f} s long, shorter than {self.min_seconds:g} s"
                    yield about(CheckWord.SHORT_AUDIO, message, track)

    def compare(self) -> Iterator[Finding]:
        """Compare what the rows of one content say; after :meth:`listen`."""
        for same in self.by_content.values():
            splits = sorted({str(track.split) for track in same if track.split})
            if len(splits) > 1:
                message = f"the same audio is in {' and '.join(splits)}: keep it in one"
                yield about(CheckWord.AUDIO_IN_TWO_SPLITS, message, *same)
            if reason := _contradiction(same):
                yield about(CheckWord.CONTRADICTING_LABELS, f"the same audio: {reason}", *same)

    def _seconds(self, track: LabelledTrack) -> float:
        """How long a track is, in seconds.

        Raises:
            TrackError: It cannot be read.
        """
        try:
            found = look_up(track.uri)
        except StorageError as error:
            raise fetch_error(error) from error
        asked = Track(track.track_id, track.uri, found.generation, found.size_bytes, named=True)
        with failing_at(Stage.FETCH), fetched(asked, MAX_TRACK_BYTES) as file:
            known = self._lengths.get(file.content_sha256)
            if known is None:
                known = _decoded_seconds(file.path)
                self._lengths[file.content_sha256] = known
            self.by_content[file.content_sha256].append(track)
            return known


def _decoded_seconds(path: str) -> float:
    with failing_at(Stage.DECODE), open_audio_isolated(path, _RATE_HZ, StageTimes()) as audio:
        for _ in audio.samples():
            pass
        return audio.decoded_s


def _contradiction(same: Sequence[LabelledTrack]) -> str:
    """What rows of the same audio say against each other; empty if they can all be right."""
    if len(same) < 2:
        return ""
    for label in sorted({label for track in same for label in track.labels.named}):
        values = {track.labels.value_of(label) for track in same}
        if {LabelValue.POSITIVE, LabelValue.NEGATIVE} <= values:
            return f"{label!r} holds in one row, and does not in another"
    positives = {frozenset(track.labels.positives) for track in same} - {frozenset()}
    if len(positives) > 1:
        told = sorted(", ".join(sorted(labels)) for labels in positives)
        return f"{' and '.join(told)} are different labels"
    return ""
