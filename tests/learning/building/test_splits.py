"""Splits: what the manifest fixes stays, the rest is drawn by group, and nothing leaks."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tonearm.learning.building.rules import BuildRules
from tonearm.learning.building.splits import SplitError, group_of, splits_of
from tonearm.learning.labelled.labels import Labels
from tonearm.learning.labelled.track import LabelledTrack, Split

LABELS = Labels.read("rock")


def track(number: int, group: str = "", split: Split | None = None, uri: str = "") -> LabelledTrack:
    return LabelledTrack(f"t{number}", uri or f"/nowhere/{number}.flac", LABELS, group, True, split)


def drawn(tracks: list[LabelledTrack], **rules: float) -> dict[str, Split]:
    splits = splits_of(tracks, BuildRules(**rules))
    return {each.track_id: splits[group_of(each)] for each in tracks}


def test_about_as_many_groups_are_drawn_as_are_asked_for() -> None:
    found = list(drawn([track(number) for number in range(2000)], validation=0.1, test=0.2).values())
    assert 150 < found.count(Split.VALIDATION) < 250
    assert 350 < found.count(Split.TEST) < 450


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 7), min_size=4, max_size=30), st.integers(0, 3))
def test_a_group_is_never_parted_and_every_split_that_is_asked_for_is_there(
    groups: list[int], seed: int
) -> None:
    tracks = [track(number, f"g{group}") for number, group in enumerate(groups)]
    try:
        splits = drawn(tracks, seed=seed)
    except SplitError:
        assert len(set(groups)) < 4
        return
    assert set(splits.values()) == set(Split)
    assert len({(each.group, splits[each.track_id]) for each in tracks}) == len(set(groups))


def test_where_a_track_lands_depends_on_no_other() -> None:
    tracks = [track(number) for number in range(200)]
    all_of_them, fewer = drawn(tracks), drawn(tracks[::2])
    assert {track_id: all_of_them[track_id] for track_id in fewer} == fewer
    assert drawn(tracks, seed=1) != all_of_them


def test_a_split_that_the_manifest_names_is_left_as_it_is() -> None:
    fixed = [track(number, split=Split.TEST) for number in range(20)]
    training = [track(number, f"g{number // 2}", Split.TRAIN) for number in range(20, 100)]
    left_open = [track(number) for number in range(100, 140)]
    further = [track(140, "t"), track(141, "t", Split.TEST)]
    found = drawn([*fixed, *training, *left_open, *further])
    assert {each for each, split in found.items() if split is Split.TEST} == {
        *(each.track_id for each in (*fixed, *further))
    }
    assert any(found[each.track_id] is Split.VALIDATION for each in training)
    assert drawn([*fixed, *training], validation=0) == {
        each.track_id: each.split for each in (*fixed, *training)
    }


def test_what_leaks_is_refused(tmp_path: Path) -> None:
    for name in ("a.flac", "b.flac"):
        (tmp_path / name).touch()
    (tmp_path / "link.flac").symlink_to("a.flac")
    with pytest.raises(SplitError, match=r"group 'Ada' is in train .* and in test"):
        drawn([track(0, "Ada", Split.TRAIN), track(1, "Ada", Split.TEST)])
    by_link = [
        track(number, split=split, uri=str(tmp_path / name))
        for number, (name, split) in enumerate({"a.flac": Split.TRAIN, "link.flac": Split.TEST}.items())
    ]
    with pytest.raises(SplitError, match="t0 in train and t1 in test are the same audio"):
        drawn(by_link, validation=0)
    with pytest.raises(SplitError, match="none is left to train on"):
        drawn([track(0, split=Split.TEST)], validation=0)
    with pytest.raises(SplitError, match="of 1 groups none is left to train on"):
        drawn([track(0, "one"), track(1, "one")])
