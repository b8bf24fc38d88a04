"""Checks of audio that several rows have: in two splits, with labels that contradict each other, or twice.

Audio is the same if its bytes are, or if it is one recording that was encoded again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tonearm.learning.checks.finding import CheckWord, Finding, about
from tonearm.learning.checks.hearing import HeardTrack, Sound
from tonearm.learning.labelled.labels import LabelValue
from tonearm.learning.labelled.track import LabelledTrack
from tonearm.learning.recordings.fingerprint import Fingerprint
from tonearm.learning.recordings.matching import same_recordings

ENCODED_AGAIN = "the same recording, encoded again,"
"""How findings begin that are about files whose bytes differ."""


@dataclass(frozen=True, slots=True)
class _SameAudio:
    """Rows of one recording.

    Attributes:
        tracks: In the order of the rows.
        how: How their audio is the same, for people.
    """

    tracks: Sequence[LabelledTrack]
    how: str


def same_audio(heard: Iterable[HeardTrack]) -> Iterator[Finding]:
    """Compare what the rows of one recording say.

    Args:
        heard: All tracks that were opened.
    """
    for same in _same(heard):
        splits = sorted({str(track.split) for track in same.tracks if track.split})
        if len(splits) > 1:
            message = f"{same.how} is in {' and '.join(splits)}: keep it in one"
            yield about(CheckWord.AUDIO_IN_TWO_SPLITS, message, *same.tracks)
        elif _may_be_parted(same.tracks):
            message = (
                f"{same.how} has several rows, and may come to stand in two splits: "
                "keep one row, or give all of them one group"
            )
            yield about(CheckWord.DUPLICATE_AUDIO, message, *same.tracks)
        if reason := _contradiction(same.tracks):
            yield about(CheckWord.CONTRADICTING_LABELS, f"{same.how}: {reason}", *same.tracks)


def _same(heard: Iterable[HeardTrack]) -> list[_SameAudio]:
    """Rows that have their audio in common with others, in the order of the first of them."""
    by_content: dict[str, list[LabelledTrack]] = defaultdict(list)
    fingerprints: dict[str, Fingerprint] = {}
    order: dict[int, int] = {}
    for each in heard:
        if isinstance(each.sound, Sound):
            order[id(each.track)] = len(order)
            by_content[each.content_sha256].append(each.track)
            if each.sound.fingerprint is not None:
                fingerprints[each.content_sha256] = each.sound.fingerprint
    contents = list(fingerprints)
    found = []
    for group in same_recordings(list(fingerprints.values())):
        tracks = [track for place in group for track in by_content.pop(contents[place])]
        found.append(_SameAudio(sorted(tracks, key=lambda track: order[id(track)]), ENCODED_AGAIN))
    found += [_SameAudio(tracks, "the same audio") for tracks in by_content.values() if len(tracks) > 1]
    return sorted(found, key=lambda same: order[id(same.tracks[0])])


def _may_be_parted(same: Sequence[LabelledTrack]) -> bool:
    """True if a split may part them: one has none yet, and no group holds them together."""
    return (
        any(track.split is None for track in same) and len({track.group or id(track) for track in same}) > 1
    )


def _contradiction(same: Sequence[LabelledTrack]) -> str:
    """What rows of the same audio say against each other; empty if they can all be right."""
    for label in sorted({label for track in same for label in track.labels.named}):
        values = {track.labels.value_of(label) for track in same}
        if {LabelValue.POSITIVE, LabelValue.NEGATIVE} <= values:
            return f"{label!r} holds in one row, and does not in another"
    positives = {frozenset(track.labels.positives) for track in same} - {frozenset()}
    if len(positives) > 1:
        told = sorted(", ".join(sorted(labels)) for labels in positives)
        return f"{' and '.join(told)} are different labels"
    return ""
