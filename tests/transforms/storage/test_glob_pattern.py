"""Globs over object names mean what they mean on a disk."""

from __future__ import annotations

import pytest

from tonearm.transforms.storage.glob_pattern import GlobPattern, has_wildcard

NAMES = [
    "in/a.flac",
    "in/b.FLAC",
    "in/deep/c.flac",
    "in/deep/er/d.flac",
    "in/[live]/e.flac",
    "in/f+(1).mp3",
    "in/two\nlines.mp3",
    "other/g.flac",
]


def matching(pattern: str) -> list[str]:
    return [name for name in NAMES if GlobPattern(pattern).matches(name)]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("in/*.flac", ["in/a.flac"]),
        ("in/?.*", ["in/a.flac", "in/b.FLAC"]),
        ("in/**/*.flac", ["in/a.flac", "in/deep/c.flac", "in/deep/er/d.flac", "in/[live]/e.flac"]),
        ("in/deep/**", ["in/deep/c.flac", "in/deep/er/d.flac"]),
        ("**.mp3", ["in/f+(1).mp3", "in/two\nlines.mp3"]),
        ("in/[ab].*", ["in/a.flac", "in/b.FLAC"]),
        ("in/[!a].*", ["in/b.FLAC"]),
        ("in/[[]live]/*", ["in/[live]/e.flac"]),
        ("in/[]a].flac", ["in/a.flac"]),
        ("in/[b-a].flac", []),
        ("in[!x]a.flac", []),
        ("in/f+(1).mp3", ["in/f+(1).mp3"]),
        ("**", NAMES),
    ],
)
def test_a_glob_matches(pattern: str, expected: list[str]) -> None:
    assert matching(pattern) == expected


@pytest.mark.parametrize(
    ("pattern", "prefix"),
    [
        ("in/deep/*.flac", "in/deep/"),
        ("in/**", "in/"),
        ("in/a?", "in/a"),
        ("in/[ab]", "in/"),
        ("in/a", "in/a"),
    ],
)
def test_a_store_lists_what_comes_before_the_first_wildcard(pattern: str, prefix: str) -> None:
    assert GlobPattern(pattern).prefix == prefix


@pytest.mark.parametrize(
    ("pattern", "folder", "expected"),
    [
        ("in/*/a.mp3", "in/2020", True),
        ("in/*/a.mp3", "in/2020/deep", False),
        ("in/20*/**", "in/2020/deep/er", True),
        ("in/20*/**", "in/1999", False),
        ("**/a.mp3", "in/deep/er", True),
    ],
)
def test_a_folder_that_can_hold_no_match_is_not_looked_into(
    pattern: str, folder: str, expected: bool
) -> None:
    assert GlobPattern(pattern).may_match_below(folder) is expected


@pytest.mark.parametrize(("name", "holds_one"), [("a[b", False), ("a]b", False), ("[b]", True), ("a?", True)])
def test_a_wildcard_is_told_from_a_character(name: str, holds_one: bool) -> None:
    assert has_wildcard(name) is holds_one
