"""Splits: the manifest's own, and for what it leaves open a draw by group that never changes.

A split that the manifest gives to any track is left as it is. One that it gives to none is drawn from the
groups that it leaves open and those that it gives for training, as many public data sets name no validation
tracks. All other tracks are for training. Further tracks of a group follow those that have a split.

A group is drawn by a hash of its name and the seed, so where one lands depends on no other: a track that is
withdrawn moves none. A track without a group is a group of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from tonearm.errors import WrongCallError
from tonearm.learning.building.rules import BuildRules
from tonearm.learning.labelled.consent import file_identity
from tonearm.learning.labelled.track import LabelledTrack, Split

Group = tuple[str, str]
"""The word ``group`` and a group's name, or the word ``track`` and the id of a track without a group."""


class SplitError(WrongCallError):
    """The tracks cannot be split as asked, or what is tested would have been trained on."""


def group_of(track: LabelledTrack) -> Group:
    """The group of a track; its own, if the manifest gives none."""
    return ("group", track.group) if track.group else ("track", track.track_id)


def splits_of(tracks: Sequence[LabelledTrack], rules: BuildRules) -> dict[Group, Split]:
    """The split of each group.

    Args:
        tracks: All that may be used.
        rules: Say how much is for validation and for the test, and the seed.

    Raises:
        SplitError: A group or a file stands in two splits, or there are too few groups.
    """
    fixed = _fixed(tracks)
    splits = {group: fixed.get(group, Split.TRAIN) for group in map(group_of, tracks)}
    places = {group: _place(group, rules.seed) for group, split in splits.items() if split is Split.TRAIN}
    end = 0.0
    for split, fraction in ((Split.TEST, rules.test), (Split.VALIDATION, rules.validation)):
        if fraction and split not in fixed.values():
            begin, end = end, end + fraction
            left = {group: place for group, place in places.items() if splits[group] is Split.TRAIN}
            drawn = [group for group, place in left.items() if begin <= place < end]
            splits.update(dict.fromkeys(drawn or _first_of(left), split))
    if Split.TRAIN not in splits.values():
        raise SplitError(
            f"of {len(splits)} groups none is left to train on: give splits, or lower --validation and --test"
        )
    _require_files_in_one_split(tracks, splits)
    return splits


def _fixed(tracks: Sequence[LabelledTrack]) -> dict[Group, Split]:
    """The splits that the manifest gives."""
    fixed: dict[Group, LabelledTrack] = {}
    for track in tracks:
        if track.split is None:
            continue
        first = fixed.setdefault(group_of(track), track)
        if first.split is not track.split:
            raise SplitError(
                f"group {track.group!r} is in {first.split} (row {first.number}, {first.track_id}) and in "
                f"{track.split} (row {track.number}, {track.track_id}): what is tested would have been "
                "trained on. Keep it in one; `tonearm dataset check` names all such groups"
            )
    return {group: track.split for group, track in fixed.items() if track.split}


def _place(group: Group, seed: int) -> float:
    """Where a group lies between 0 and 1."""
    digest = hashlib.sha256("\n".join((str(seed), *group)).encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56


def _first_of(places: Mapping[Group, float]) -> list[Group]:
    """The group that a split gets for which none was drawn, as happens where there are few."""
    return [min(places, key=lambda group: (places[group], group))] if places else []


def _require_files_in_one_split(tracks: Sequence[LabelledTrack], splits: Mapping[Group, Split]) -> None:
    first_of: dict[object, LabelledTrack] = {}
    for track in tracks:
        first = first_of.setdefault(file_identity(track.uri), track)
        one, other = splits[group_of(first)], splits[group_of(track)]
        if one is not other:
            raise SplitError(two_splits(first.track_id, str(one), track.track_id, str(other)))


def two_splits(one: str, its_split: str, other: str, others_split: str) -> str:
    """What to tell of two tracks with the same audio on both sides of a split."""
    return (
        f"{one} in {its_split} and {other} in {others_split} are the same audio: what is tested would have "
        "been trained on. Leave one out, or give both the same group"
    )
