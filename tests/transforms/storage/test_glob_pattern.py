"""Globs over object names mean what they mean on a disk."""

from __future__ import annotations

import pytest

from tonearm.transforms.storage.glob_pattern import compiled, literal_prefix

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
    return [name for name in NAMES if compiled(pattern).fullmatch(name)]


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
    assert literal_prefix(pattern) == prefix
