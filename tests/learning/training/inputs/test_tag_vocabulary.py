"""Facets: what a label means is said once, and what no bundle can hold is refused."""

from __future__ import annotations

import pytest

from tonearm.learning.training.inputs.vocabulary import (
    Meaning,
    VocabularyError,
    as_listed,
    of_one_facet,
    read_facets,
)


def test_a_list_says_facet_and_tag_of_each_label() -> None:
    listed = read_facets("\ufefflabel,facet,tag\r\nvox,voice,vocals\r\nrock,genre,\r\n".encode())
    rock, vox = as_listed(["rock", "vox"], listed)
    assert rock == Meaning("rock", "genre", "rock")
    assert vox == Meaning("vox", "voice", "vocals")
    assert read_facets(b"facet,label\ngenre,rock\n")["rock"].tag == "rock"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "columns label, facet"),
        (b"name,facet\na,genre\n", "columns label, facet"),
        (b"label,facet\nrock\n", "line 2"),
        (b"label,facet\nrock,genre,x\n", "line 2"),
        (b"label,facet\nrock,genre\nrock,mood\n", "twice"),
        (b"\xff\xfe", "no CSV in UTF-8"),
    ],
)
def test_what_is_no_list_is_told(content: bytes, told: str) -> None:
    with pytest.raises(VocabularyError, match=told):
        read_facets(content)


def test_what_no_bundle_can_hold_is_refused() -> None:
    with pytest.raises(VocabularyError, match="lacks drums"):
        as_listed(["drums"], {})
    with pytest.raises(VocabularyError, match="there is no facet colour"):
        as_listed(["red"], {"red": Meaning("red", "colour", "red")})
    with pytest.raises(VocabularyError, match="several labels would be the tag vocals"):
        as_listed(["a", "b"], {name: Meaning(name, "voice", "vocals") for name in "ab"})
    with pytest.raises(VocabularyError, match="cannot be printed"):
        of_one_facet(["dr\num"], "instrument")
