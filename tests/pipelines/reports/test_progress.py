"""The progress line on every kind of terminal."""

from __future__ import annotations

import os
import time

import pytest

from tonearm.pipelines.reports import progress
from tonearm.pipelines.reports.progress import progress_shown
from tonearm.transforms.tagging.counting import LIVE


def shown_in_a_terminal(monkeypatch: pytest.MonkeyPatch, **environment: str) -> str:
    """What people see half a second into a run of eight tracks, of which one failed."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN_LINES", 0.1)
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr("sys.stderr", terminal)
        with progress_shown(lambda: 0, 8):
            LIVE.tagged, LIVE.failed = 3, 1
            time.sleep(0.5)
        monkeypatch.undo()
        LIVE.reset()
        return os.read(ours, 100_000).decode()


def test_a_terminal_has_a_bar_with_rate_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    told = shown_in_a_terminal(monkeypatch, TERM="xterm", COLUMNS="100")
    assert "━" in told
    assert "4/8 tracks 1 failed" in told
    assert "tracks/min" in told


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"TERM": "xterm", "COLUMNS": "20"}])
def test_a_terminal_that_cannot_show_a_bar_gets_lines(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = shown_in_a_terminal(monkeypatch, **environment)
    assert "4/8 tracks, 1 failed, " in told
    assert " min left" in told
    assert "\x1b" not in told
