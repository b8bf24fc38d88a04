"""Checks of what rows say: blanks, consent, licence, and a group that stands on both sides of a split."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from tonearm.learning.checks.finding import CheckWord, Finding, about
from tonearm.learning.labelled.track import BadRow, LabelledTrack
from tonearm.learning.licences import Purpose, licence_of


def blanks(rows: Sequence[LabelledTrack | BadRow]) -> Iterator[Finding]:
    """What waits for somebody to fill it in, as of a manifest of ``tonearm label_next``: one finding each."""
    usable = [row for row in rows if isinstance(row, LabelledTrack) or row.is_unlabelled]
    if unlabelled := [row for row in usable if isinstance(row, BadRow)]:
        message = "labels are blank: write what holds and what does not, such as rock; drums=-"
        yield about(CheckWord.BLANK_LABELS, message, *unlabelled)
    if unsaid := [row for row in usable if row.training_opt_in is None]:
        message = (
            "training_opt_in is blank: write true if whoever owns the track agreed to training, else false; "
            "until then the track is left out, and its audio is not opened"
        )
        yield about(CheckWord.BLANK_CONSENT, message, *unsaid)


def without_consent(tracks: Sequence[LabelledTrack]) -> Iterator[Finding]:
    """Tracks that are not trained on, and whose audio is not opened, as their rows say."""
    for track in tracks:
        if track.training_opt_in is False:
            message = "training_opt_in is false: the track is left out, and its audio is not opened"
            yield about(CheckWord.NO_CONSENT, message, track)


def licences(tracks: Sequence[LabelledTrack], purpose: Purpose) -> Iterator[Finding]:
    """Tracks whose licence does not allow what is asked. Where none is given, consent alone counts."""
    for track in tracks:
        if not track.licence:
            continue
        licence = licence_of(track.licence)
        if licence is None:
            message = f"whether {track.licence!r} allows {purpose} training is not known here: look it up"
            yield about(CheckWord.LICENCE_UNKNOWN, message, track)
        elif reason := licence.forbids(purpose):
            message = f"{track.licence!r} is no licence for {purpose} training: {reason}"
            yield about(CheckWord.LICENCE_FORBIDS, message, track)


def groups_in_two_splits(tracks: Sequence[LabelledTrack]) -> Iterator[Finding]:
    """Groups of which tracks stand in more than one split: what is tested would have been trained on."""
    by_group: dict[str, list[LabelledTrack]] = defaultdict(list)
    for track in tracks:
        if track.group and track.split:
            by_group[track.group].append(track)
    for group, members in by_group.items():
        splits = sorted({str(track.split) for track in members})
        if len(splits) > 1:
            message = f"group {group!r} is in {' and '.join(splits)}: keep it in one"
            yield about(CheckWord.GROUP_IN_TWO_SPLITS, message, *members)
