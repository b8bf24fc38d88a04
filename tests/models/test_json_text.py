"""JSON that people read."""

from __future__ import annotations

import json

import pytest

from tonearm.models.json_text import format_json


def test_short_parts_stand_on_a_line_and_long_ones_on_several() -> None:
    document = {
        "name": "x",
        "tags": {"ä": {"facet": "genre"}, "b": {"list": list(range(50))}},
        "long": {"text": "-" * 120, "empty": []},
    }
    text = format_json(document)
    assert text.splitlines()[:4] == ["{", '  "name": "x",', '  "tags": {', '    "ä": {"facet": "genre"},']
    assert json.loads(text) == document


@pytest.mark.parametrize("document", [{}, [], None, "text"])
def test_what_is_empty_is_json_too(document: object) -> None:
    assert json.loads(format_json(document)) == document


def test_a_number_that_json_cannot_say_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        format_json({"metrics": {"roc_auc": float("nan")}})
