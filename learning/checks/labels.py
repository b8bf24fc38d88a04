"""Checks of the labels: spelt in two ways, or too few tracks to learn them from."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence

from tonearm.learning.checks.finding import CheckWord, Finding
from tonearm.learning.labelled.track import LabelledTrack

_ACCENTS = re.compile("[\u0300-\u036f]")
"""Accents of Latin, Greek and Cyrillic letters; marks of other scripts are letters of their own."""

_SHORTEST_PLURAL = 4


def near_duplicates(tracks: Sequence[LabelledTrack]) -> Iterator[Finding]:
    """Labels that differ in case, spaces, punctuation, accents, or a plural's "s" alone."""
    spelt: dict[str, set[str]] = defaultdict(set)
    for label in {label for track in tracks for label in track.labels.named}:
        spelt[_plain(label)].add(label)
    for plain in sorted(spelt):
        singular = plain.removesuffix("s")
        if plain != singular and len(plain) >= _SHORTEST_PLURAL and singular in spelt:
            spelt[singular] |= spelt.pop(plain)
    for labels in map(sorted, spelt.values()):
        if len(labels) > 1:
            told = ", ".join(repr(label) for label in labels)
            message = f"{told} may be one label; spell it one way"
            yield Finding(CheckWord.NEAR_DUPLICATE_LABELS, message, labels=labels)


def _plain(label: str) -> str:
    """What of a label counts when two are compared.

    >>> _plain("Hip-Hop"), _plain("R & B"), _plain("rock 'n' roll"), _plain("C#")
    ('hiphop', 'rnb', 'rocknroll', 'c#')
    """
    text = _ACCENTS.sub("", unicodedata.normalize("NFKD", label.casefold()))
    text = re.sub(r"&|\band\b", "n", text)
    kept = [each for each in text if each in "#+\u266d\u266f" or unicodedata.category(each)[0] not in "ZPSC"]
    return "".join(kept) or label


def too_few(tracks: Sequence[LabelledTrack], min_positives: int, min_groups: int) -> Iterator[Finding]:
    """Labels that hold for too few tracks, or for those of too few groups.

    Args:
        tracks: Those that may be trained on. If there are none, nothing is told of labels.
        min_positives: How many tracks a label should hold for.
        min_groups: How many groups they should be of, where groups are given.
    """
    positives: dict[str, int] = defaultdict(int)
    groups: dict[str, set[str]] = defaultdict(set)
    for track in tracks:
        holding = track.labels.positives
        for label in track.labels.named:
            positives[label] += label in holding
        for label in holding if track.group else ():
            groups[label].add(track.group)
    for label, count in sorted(positives.items()):
        if count < min_positives:
            message = (
                f"{label!r} holds for {count} of the tracks with consent, and should for {min_positives}"
            )
            yield Finding(CheckWord.FEW_POSITIVES, message, labels=[label])
    for label, of_label in sorted(groups.items()):
        if len(of_label) < min_groups:
            message = f"{label!r} holds within {len(of_label)} of the groups, and should within {min_groups}"
            yield Finding(CheckWord.FEW_GROUPS, message, labels=[label])
