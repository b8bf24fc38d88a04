"""Texts of strangers on a terminal: names of files and metadata may hold what a terminal obeys."""

from __future__ import annotations

import json
import logging
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table

from tonearm.pipelines.main import run
from tonearm.pipelines.reports.printing import (
    ShownFormatter,
    json_for_programs,
    printing,
    say,
    shown,
)

_CLEARS_THE_SCREEN = "song\x1b[2J\x9b2J\x07\r\u202egpj.mp3"


def obeyed(text: str) -> list[str]:
    return [each for each in text if each not in "\n\t" and unicodedata.category(each) in ("Cc", "Zl", "Zp")]


def test_a_name_in_a_table_moves_no_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("track", "genre")
    table.add_row(_CLEARS_THE_SCREEN, "rock")
    with printing() as console:
        console.print(table)
        console.print(f"uri: {_CLEARS_THE_SCREEN}", markup=False, soft_wrap=True)
    printed = capsys.readouterr().out
    assert "rock" in printed
    assert not obeyed(printed)
    assert "\u202e" not in printed
    lines = [line for line in printed.splitlines() if "│" in line or "┃" in line]
    assert len({len(line) for line in lines}) == 1  # the columns stay where they are


def test_an_error_that_names_a_file_moves_no_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["show", f"/nowhere/{_CLEARS_THE_SCREEN}"]) == 2
    say(f"2 tracks\n{_CLEARS_THE_SCREEN}")
    printed = capsys.readouterr().err
    assert "/nowhere/song" in printed
    assert not obeyed(printed)


def test_a_log_line_moves_no_cursor() -> None:
    record = logging.LogRecord("", logging.WARNING, "", 0, "%s is odd", (_CLEARS_THE_SCREEN,), None)
    assert not obeyed(ShownFormatter("%(message)s").format(record))


@given(st.text())
def test_json_says_what_was_said_and_moves_no_cursor(text: str) -> None:
    printed = json_for_programs({"uri": text}, indent=2)
    assert json.loads(printed) == {"uri": text}
    assert shown(printed) == printed
