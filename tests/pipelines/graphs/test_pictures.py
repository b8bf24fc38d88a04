"""The pictures in docs/architecture.md are those of the graphs."""

from __future__ import annotations

from tests.pipelines.graphs.drawing import PAGE, page_with, pictures


def test_the_page_shows_the_graphs_as_they_are() -> None:
    page = PAGE.read_text()
    drawn = pictures()
    assert all(f"<!-- graph: {name} -->" in page for name in drawn)
    assert page == page_with(drawn, page), "run `python -m tests.pipelines.graphs.drawing`"
