"""What licences allow, by the many ways in which they are named."""

from __future__ import annotations

import pytest

from tonearm.learning.licences import NO_LICENCE, Purpose, allows_training, licence_of


@pytest.mark.parametrize(
    ("text", "research", "commercial"),
    [
        ("CC BY 4.0", True, True),
        ("CC-BY-SA-4.0", True, True),
        ("cc by-nc-sa 3.0", True, False),
        ("by-nc", True, False),
        ("CC BY-ND-NC 1.0", False, False),
        ("http://creativecommons.org/licenses/by-nc-nd/3.0/us/", False, False),
        ("https://creativecommons.org/licenses/by/4.0/", True, True),
        ("https://creativecommons.org/publicdomain/zero/1.0/", True, True),
        ("CC0 1.0 Universal", True, True),
        ("Public Domain Mark 1.0", True, True),
        ("Attribution-Noncommercial-Share Alike 3.0 United States", True, False),
        ("Attribution-NonCommercial-NoDerivatives (aka Music Sharing) 3.0 International", False, False),
        ("Attribution-No Derivative Works 4.0", False, False),
        ("Creative Commons Attribution", True, True),
        ("All rights reserved", False, False),
        (NO_LICENCE, False, False),
    ],
)
def test_what_a_licence_allows(text: str, research: bool, commercial: bool) -> None:
    licence = licence_of(text)
    assert licence is not None
    assert (not licence.forbids(Purpose.RESEARCH), not licence.forbids(Purpose.COMMERCIAL)) == (
        research,
        commercial,
    )
    assert allows_training(text) == research


@pytest.mark.parametrize(
    "text", ["", "arranged by Ada", "by Ada", "FMA-Limited: Download Only", "contract 7"]
)
def test_what_is_not_recognised_allows_nothing(text: str) -> None:
    assert licence_of(text) is None
    assert not allows_training(text)
