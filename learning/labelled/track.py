"""A row of a labelled manifest: a track, what is known of its labels, and whether it may be trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tonearm.learning.labelled.labels import Labels


class Split(StrEnum):
    """What a track is for."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class LabelledTrack:
    """A track with labels.

    Attributes:
        track_id: Its id, the only one of its manifest.
        uri: Path or URL of its audio; absolute.
        labels: What is known of its labels.
        group: What must not stand on both sides of a split: the artist, the album, the piece; empty if the
            manifest does not tell.
        training_opt_in: True if whoever owns the track agreed that it is trained on, None if the row does
            not say. Of tracks where it is not True no byte is opened.
        split: What it is for, if that is fixed.
        licence: Under which licence it may be used, as the manifest has it; empty if it does not tell.
        number: Its row, from 1, without the header; 0 if it stands in no manifest yet.
        location: The file of the row.
        metadata: The manifest's further columns, by their names as they are written there.
    """

    track_id: str
    uri: str
    labels: Labels
    group: str = ""
    training_opt_in: bool | None = False
    split: Split | None = None
    licence: str = ""
    number: int = 0
    location: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be used.

    Attributes:
        number: The row, from 1, without the header.
        location: The file of the row.
        track_id: The id, as far as it can be read.
        uri: Path or URL of its audio, as far as it can be read.
        problem: Why; a sentence that begins with "its" or "it".
        training_opt_in: True if the row gives consent all the same: then it closes its file to no other row;
            None if it does not say.
        is_unlabelled: True if its labels are blank: it waits for somebody to fill them in.
    """

    number: int
    location: str
    track_id: str
    uri: str
    problem: str
    training_opt_in: bool | None = False
    is_unlabelled: bool = False
