"""Globs over object names: ``**`` crosses folders, ``*`` and ``?`` do not."""

from __future__ import annotations

import re

_TOKENS = re.compile(r"(\*\*/?|\*|\?|\[[^\]]+\])")

_MEANING = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def literal_prefix(pattern: str) -> str:
    """The part of a pattern before its first wildcard: what a store can list by itself."""
    found = _TOKENS.search(pattern)
    return pattern[: found.start()] if found else pattern


def compiled(pattern: str) -> re.Pattern[str]:
    """A regular expression that matches what the glob does, from the first character to the last."""
    parts = []
    for part in _TOKENS.split(pattern):
        if part in _MEANING:
            parts.append(_MEANING[part])
        elif part.startswith("[") and part.endswith("]"):
            parts.append("[" + part[1:-1].replace("\\", r"\\").replace("[", r"\[").replace("!", "^", 1) + "]")
        else:
            parts.append(re.escape(part))
    return re.compile("".join(parts), re.DOTALL)
