"""What a row says of labels, as text, as an object, as a list."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonearm.learning.labelled.labels import LabelError, Labels, LabelValue

NAMES = st.text(min_size=1).filter(lambda name: name.strip() and not name.endswith("*"))


def test_unknown_is_not_negative() -> None:
    labels = Labels.read("rock; female vocal=+; drums=-; piano=0")
    told = [labels.value_of(name) for name in ("rock", "female vocal", "drums", "piano", "organ")]
    assert told == [1, 1, -1, 0, 0]
    assert labels.positives == {"rock", "female vocal"}


def test_a_complete_list_makes_all_other_labels_negative() -> None:
    labels = Labels.read("rock; piano=0; *=-")
    assert [labels.value_of(name) for name in ("rock", "piano", "jazz")] == [1, 0, -1]


def test_a_list_may_be_complete_for_labels_that_begin_alike() -> None:
    labels = Labels.read("genre---rock; genre---*=-; genre---sub---*=0")
    names = ("genre---rock", "genre---jazz", "genre---sub---a", "mood---sad")
    assert [labels.value_of(name) for name in names] == [1, -1, 0, 0]


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "b": -1, "c": 0}',
        '{"a": true, "b": false, "c": null}',
        '["a", "b=-", "c=0"]',
        "a;b=\u2212;c=0",
    ],
)
def test_other_spellings_say_the_same(text: str) -> None:
    assert Labels.read(text) == Labels.read("a; b=-; c=0")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "are empty"),
        (" ; ;", "are empty"),
        ("=-", "hold an empty name"),
        ("rock; rock=-", "say two things of rock"),
        ('{"rock": 1, "rock": -1}', "say two things of rock"),
        ('{"rock": 0.5}', "none of -1, 0, 1"),
        ('{"rock": [1]}', "none of -1, 0, 1"),
        ("[1]", "which is no text"),
        ("['rock', 'jazz']", "are no JSON"),
        ("{'rock': 1}", "are no JSON"),
        ('{"rock": 1, "jazz": -1', "are no JSON"),
        ("*", "name them"),
    ],
)
def test_what_cannot_be_understood_is_told(text: str, reason: str) -> None:
    with pytest.raises(LabelError, match=reason):
        Labels.read(text)


@given(st.dictionaries(NAMES, st.sampled_from(LabelValue), min_size=1))
def test_any_names_come_back_as_they_were_written(values: dict[str, LabelValue]) -> None:
    labels = Labels.of(values)
    assert Labels.read(labels.text).named == values
    assert Labels.read(json.dumps(labels.values)).named == values


@given(st.text())
def test_any_text_is_labels_or_told(text: str) -> None:
    try:
        labels = Labels.read(text)
    except LabelError:
        return
    assert Labels.read(labels.text) == labels
