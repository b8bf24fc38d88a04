"""The page for people: one file, whatever tracks and tags are called."""

from __future__ import annotations

import pytest

from tests.learning.evaluation.report.evaluations import made_up
from tests.learning.pages.reading import Reader, assert_asks_nothing
from tonearm.learning.evaluation.evaluation import Evaluation
from tonearm.learning.evaluation.report.document import document_of
from tonearm.learning.evaluation.report.page import page_of

HOSTILE = ("<script>alert(1)</script>", "$\\frac{x}$ & \"q\" 'p'", "\u202egpj.<b>", "{{ report }}{% raw %}")


def page(evaluation: Evaluation) -> str:
    return page_of(document_of(evaluation), evaluation.tables[0]).decode()


def test_nothing_is_asked_of_anybody() -> None:
    assert_asks_nothing(page(made_up()))


def test_hostile_names_are_text() -> None:
    for name in ("javascript:alert(1)//", "<img src=x onerror=alert(1)>", "data:text/html,<script>"):
        read = Reader(page(made_up(HOSTILE, name=name)))
        assert not read.elements & {"script", "img", "b"}
        assert not [name for name, _ in read.attributes if name.startswith("on")]
        assert {value[:5] for name, value in read.attributes if name == "href" and value[0] != "#"} <= {
            "file:"
        }
        for label in HOSTILE:
            assert label in read.text


@pytest.mark.slow
def test_the_same_evaluation_gives_the_same_page() -> None:
    assert page(made_up()) == page(made_up())


def test_a_track_that_can_be_opened_is_a_link() -> None:
    read = Reader(page(made_up(name="/music/part #1 ", separation=1.0)))
    links = [value for name, value in read.attributes if name == "href" and value.startswith("file:")]
    assert links
    assert all(link.startswith("file:///music/part%20%231%20") for link in links)
