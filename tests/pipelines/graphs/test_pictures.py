"""What docs/architecture.md shows of the code is what stands there."""

from __future__ import annotations

from tests.pipelines.graphs.drawing import PAGE, page_now, pictures


def test_the_page_shows_the_graphs_and_instructions_as_they_are() -> None:
    page = PAGE.read_text()
    assert all(f"<!-- graph: {name} -->" in page for name in pictures())
    assert page == page_now(page), "run `python -m tests.pipelines.graphs.drawing`"
