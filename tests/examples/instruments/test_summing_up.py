"""The table of what was reached."""

from __future__ import annotations

from typing import Any

from examples.instruments.summing_up import lines_of


def _report(column: str, **areas: float | None) -> dict[str, Any]:
    parts = [
        {
            "part": part,
            "tracks": 240,
            "figures": {"roc_auc": {"value": value, "interval": value and [value, value]}},
        }
        for part, value in areas.items()
    ]
    return {"parts": [{"column": column, "parts": parts}]}


def test_goals_are_held_against_what_was_found_and_a_miss_is_said() -> None:
    report = _report("part", **{"trained families": 0.951, "FreePats": 0.855, "FreePats, solos": None})
    _, trained, freepats = lines_of(report, _report("part", FreePats=0.7))
    assert "0.951" in trained and "0.95 reached" in trained
    assert "0.855" in freepats and "0.700" in freepats and "0.86 MISSED" in freepats
