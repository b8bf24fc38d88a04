"""The vocabulary: labels that training tracks have and lack; of others it is told why they are left out."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tonearm.learning.building.rules import BuildRules
from tonearm.learning.building.vocabulary import LabelValues, Vocabulary, VocabularyError, vocabulary_of
from tonearm.learning.labelled.labels import Labels
from tonearm.learning.labelled.track import LabelledTrack

TRAINING = ("rock; drums; *=-", "jazz; sax; sax solo=0; *=-", "rock; jazz=-; live", "demo; live=-")


def chosen(*wanted: str, min_positives: int = 1, test: str = "folk; *=-") -> Vocabulary:
    training = [LabelledTrack(text, text, Labels.read(text)) for text in TRAINING]
    tested = LabelledTrack("test", "test", Labels.read(test))
    return vocabulary_of([*training, tested], training, BuildRules(wanted, min_positives))


def test_labels_that_cannot_be_learned_are_named() -> None:
    assert chosen() == Vocabulary(
        ("demo", "drums", "jazz", "live", "rock", "sax"),
        {
            "folk": "it holds for no training track",
            "sax solo": "it holds for no training track",
        },
    )


@pytest.mark.parametrize(
    ("wanted", "min_positives", "told"),
    [
        (("rock", "polka"), 1, "is said to have or lack 'polka'"),
        (("rock", "genre---*"), 1, r"is said to have or lack 'genre---\*'"),
        (("rock", "folk"), 1, "folk: it holds for no training track"),
        (("rock", "jazz"), 2, "jazz: it holds for 1 training tracks, fewer than --min_positives 2"),
        (("rock",), 1, "'rock' is the only label that can be learned"),
        ((), 3, "no label can be learned, and a tagger needs 2"),
    ],
)
def test_labels_that_are_asked_for_must_be_learnable(
    wanted: tuple[str, ...], min_positives: int, told: str
) -> None:
    with pytest.raises(VocabularyError, match=told):
        chosen(*wanted, min_positives=min_positives)


def test_a_label_that_no_track_lacks_is_left_out() -> None:
    texts = ("rock; loud", "jazz; rock=-; loud", "jazz=-; rock; loud")
    tracks = [LabelledTrack(text, text, Labels.read(text)) for text in texts]
    vocabulary = vocabulary_of(tracks, tracks, BuildRules())
    assert vocabulary == Vocabulary(("jazz", "rock"), {"loud": "no training track is said to lack it"})


def test_labels_may_be_asked_for_by_their_beginning() -> None:
    assert chosen("s*", "rock").labels == ("rock", "sax")


NAMES = st.sampled_from(["genre---rock", "genre---folk", "mood---sad", "genre", "piano"])
KEYS = st.one_of(NAMES, st.sampled_from(["genre---*", "*", "mood*"]))


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.dictionaries(KEYS, st.sampled_from([-1, 0, 1]), min_size=1))
def test_values_are_what_the_row_says(said: dict[str, int]) -> None:
    said = {name: min(value, 0) if name.endswith("*") else value for name, value in said.items()}
    vocabulary = ["genre", "genre---folk", "genre---rock", "mood---sad", "piano"]
    labels = Labels.of(said)
    assert LabelValues(vocabulary).of(labels).tolist() == [labels.value_of(name) for name in vocabulary]
