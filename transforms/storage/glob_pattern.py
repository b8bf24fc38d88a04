"""Globs over names, the same on a disk and in a store: ``**`` crosses folders, ``*`` and ``?`` do not."""

from __future__ import annotations

import re
from functools import cached_property

_TOKENS = re.compile(r"(\*\*/?|\*|\?|\[!?\]?[^\]]*\])", re.DOTALL)

_MEANING = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def has_wildcard(text: str) -> bool:
    """True if a text holds a wildcard; a name may hold one and mean the character.

    >>> has_wildcard("music/**/*.mp3"), has_wildcard("music/a]b.mp3")
    (True, False)
    """
    return _TOKENS.search(text) is not None


class GlobPattern:
    """A glob: ``*``, ``?``, ``[abc]`` and ``[!abc]`` within a folder, ``**`` across folders.

    Example:
        >>> pattern = GlobPattern("music/2020*/**/*.flac")
        >>> pattern.prefix, pattern.folder
        ('music/2020', 'music/')
        >>> pattern.matches("music/2020-05/a/b.flac"), pattern.matches("music/2021/b.flac")
        (True, False)
        >>> pattern.may_match_below("music/2021"), pattern.may_match_below("music/2020-05/deep/er")
        (False, True)
    """

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def prefix(self) -> str:
        """The text before the first wildcard: what a store can list by itself."""
        found = _TOKENS.search(self._text)
        return self._text[: found.start()] if found else self._text

    @property
    def folder(self) -> str:
        """The folder that all matches lie in, with its slash."""
        return self.prefix[: self.prefix.rfind("/") + 1]

    def matches(self, name: str) -> bool:
        """True if the glob describes the name from its first character to its last."""
        return self._expression.fullmatch(name) is not None

    def may_match_below(self, folder: str) -> bool:
        """False if no name in this folder, however deep, can match: it need not be looked into."""
        names = folder.split("/")
        return all(
            part.fullmatch(name) for part, name in zip(self._parts_before_crossing, names, strict=False)
        ) and (self._crosses or len(names) < self._text.count("/") + 1)

    @property
    def _crosses(self) -> bool:
        return "**" in self._text

    @cached_property
    def _expression(self) -> re.Pattern[str]:
        return _compiled(self._text)

    @cached_property
    def _parts_before_crossing(self) -> list[re.Pattern[str]]:
        """An expression for each folder's name up to the first ``**``, behind which anything may come."""
        parts = []
        for part in self._text.split("/"):
            if "**" in part:
                break
            parts.append(_compiled(part))
        return parts


def _compiled(text: str) -> re.Pattern[str]:
    expression = "".join(_meaning(token) for token in _TOKENS.split(text))
    try:
        return re.compile(expression, re.DOTALL)
    except re.error:  # such as the range [z-a]: no wildcard, then
        return re.compile(re.escape(text))


def _meaning(token: str) -> str:
    if token in _MEANING:
        return _MEANING[token]
    if not (len(token) > 2 and token.startswith("[") and token.endswith("]")):
        return re.escape(token)
    excluded, members = (token[1] == "!"), token[1:-1].removeprefix("!")
    members = members.replace("\\", r"\\").replace("[", r"\[").replace("]", r"\]").replace("^", r"\^")
    return rf"(?!/)[{'^' if excluded else ''}{members}]"
