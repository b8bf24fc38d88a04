"""What is said in words follows from the figures."""

from __future__ import annotations

from typing import Any

import pytest

from tests.learning.evaluation.report.evaluations import made_up
from tonearm.learning.evaluation.report.document import document_of


@pytest.fixture(scope="module")
def good() -> dict[str, Any]:
    return document_of(made_up(separation=5.0))["words"]


def test_a_good_tagger(good: dict[str, Any]) -> None:
    assert "very well" in good["headline"]
    assert any("Tells apart well: " in sentence for sentence in good["good"])
    assert not any("badly" in sentence for sentence in good["distrust"])


def test_a_poor_tagger() -> None:
    words = document_of(made_up(separation=0.2))["words"]
    assert "chance" in words["headline"]
    assert any("Tells apart badly: " in sentence for sentence in words["distrust"])


def test_a_baseline_that_is_worse(good: dict[str, Any]) -> None:
    assert "higher by" in good["comparison"][0]
    assert "Clearly better at" in good["comparison"][1]


def test_what_cannot_be_told_is_said() -> None:
    words = document_of(made_up(tracks=1, groups=1))["words"]
    assert "cannot tell" in words["headline"]
    assert any("No track is known to have" in sentence for sentence in words["unknown"])
    few = document_of(made_up(groups=3))["words"]
    assert any("Fewer than 5 groups" in sentence for sentence in few["unknown"])
    assert any("Not read" in sentence for sentence in few["unknown"])
