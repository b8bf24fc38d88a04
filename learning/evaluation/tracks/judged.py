"""A track that was scored, with what is known of its labels; and one that was not, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tonearm.learning.evaluation.tracks.scoring import TrackScores
from tonearm.learning.labelled.labels import LabelValue


@dataclass(frozen=True, slots=True)
class JudgedTrack:
    """A track with truth and scores.

    Attributes:
        track_id: The set's id of it.
        uri: Where its audio is.
        group: Tracks of one group are no independent witnesses; empty if it is not known.
        split: Its part of the set; empty if the set has none.
        licence: As the set has it.
        duration_s: Its length.
        codec: How it is encoded, where audio was read.
        metadata: The manifest's further columns.
        truths: What is known of each of the set's labels.
        scores: Those of the tagger and, if there is one, of the baseline.
    """

    track_id: str
    uri: str
    group: str
    split: str
    licence: str
    duration_s: float | None
    codec: str
    metadata: Mapping[str, str]
    truths: Mapping[str, LabelValue]
    scores: tuple[TrackScores, ...]


@dataclass(frozen=True, slots=True)
class FailedTrack:
    """A track that could not be scored.

    Attributes:
        track_id: The set's id of it.
        uri: Where its audio is.
        stage: Where it failed.
        error: The stable word of it.
        message: What happened, for people.
    """

    track_id: str
    uri: str
    stage: str
    error: str
    message: str


@dataclass(slots=True)
class Judged:
    """All tracks of an evaluation, each in one place.

    Attributes:
        tracks: Scored ones, in the order of the set.
        failures: Those that could not be scored.
        left_out: How many were not asked for or may not be opened, by reason.
    """

    tracks: list[JudgedTrack] = field(default_factory=list)
    failures: list[FailedTrack] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)

    def add(self, outcome: JudgedTrack | FailedTrack) -> None:
        """Put a track where it belongs."""
        if isinstance(outcome, JudgedTrack):
            self.tracks.append(outcome)
        else:
            self.failures.append(outcome)

    def leave_out(self, reason: str, count: int = 1) -> None:
        """Count tracks that are no part of the evaluation."""
        if count:
            self.left_out[reason] = self.left_out.get(reason, 0) + count


OnTrack = Callable[[int, int | None, int], None]
"""``on_track(done, total, failed)`` is told of each track that has an outcome; the total may not be known."""
