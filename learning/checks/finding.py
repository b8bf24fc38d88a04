"""What a check found: a word for its kind, the rows it is about, and a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tonearm.learning.labelled.track import BadRow, LabelledTrack


class CheckWord(StrEnum):
    """One word for each kind of finding; never renamed, as people group by them."""

    BAD_ROW = "bad_row"
    BLANK_LABELS = "blank_labels"
    BLANK_CONSENT = "blank_consent"
    NO_CONSENT = "no_consent"
    CONSENT_CONTRADICTED = "consent_contradicted"
    LICENCE_FORBIDS = "licence_forbids"
    LICENCE_UNKNOWN = "licence_unknown"
    NEAR_DUPLICATE_LABELS = "near_duplicate_labels"
    FEW_POSITIVES = "few_positives"
    FEW_GROUPS = "few_groups"
    GROUP_IN_TWO_SPLITS = "group_in_two_splits"
    AUDIO_IN_TWO_SPLITS = "audio_in_two_splits"
    DUPLICATE_AUDIO = "duplicate_audio"
    CONTRADICTING_LABELS = "contradicting_labels"
    UNREADABLE_AUDIO = "unreadable_audio"
    SHORT_AUDIO = "short_audio"
    SUSPECT_LABEL = "suspect_label"


@dataclass(frozen=True, slots=True)
class RowPlace:
    """A row that a finding is about.

    Attributes:
        location: The manifest's file.
        row: Its number, from 1, without the header.
        track_id: Its track.
    """

    location: str
    row: int
    track_id: str


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong.

    Attributes:
        check: What kind of thing.
        message: What it is and what to do, for people.
        rows: The rows that it is about; none if it is about labels.
        labels: The labels that it is about.
        suspicion: Of a suspect label: the higher, the likelier it is wrong; else None.
    """

    check: CheckWord
    message: str
    rows: Sequence[RowPlace] = ()
    labels: Sequence[str] = ()
    suspicion: float | None = None


def about(check: CheckWord, message: str, *rows: LabelledTrack | BadRow) -> Finding:
    """A finding about rows."""
    places = [RowPlace(row.location, row.number, row.track_id) for row in rows]
    return Finding(check, message, places)
