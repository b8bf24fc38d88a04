"""What every reader of manifests yields: rows of plain text, and why one cannot be used."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tonearm.errors import WrongCallError

REQUIRED_COLUMNS = ("track_id", "uri")

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
"""Characters that no table can hold: NUL, and halves of characters that JSON may spell out."""

_NUL = re.compile("\0")

_REPLACED = "\ufffd"


class ManifestError(WrongCallError):
    """The manifest as a whole cannot be used; the message says what to mend."""


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """One row, its values as plain text.

    Attributes:
        values: Text by column, without the columns that have no value in this row.
        problem: Why the row cannot be used; empty if it can.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


Edit = Callable[[Mapping[str, str]], Mapping[str, str]]
"""``edit(values)`` is given a row's values by column, and returns those that are to be others."""


def row_of(values: Mapping[str, str], problem: str = "", *, uri_may_be_bytes: bool = False) -> ManifestRow:
    r"""A row of text as it was found; characters that no table can hold make it unusable, and are replaced.

    Args:
        values: Text by column.
        problem: Why the row cannot be used, if that is known already.
        uri_may_be_bytes: True if the uri was given in bytes: it may name a file in another encoding.

    Example:
        >>> row_of({"uri": "a\0.mp3"})
        ManifestRow(values={'uri': 'a\ufffd.mp3'}, problem='its uri holds a NUL byte or half a character')
    """
    clean, changed = {}, []
    for name, value in values.items():
        unstorable = _NUL if name == "uri" and uri_may_be_bytes else _UNSTORABLE
        clean_name, clean_value = _UNSTORABLE.sub(_REPLACED, name), unstorable.sub(_REPLACED, value)
        clean[clean_name] = clean_value
        if (clean_name, clean_value) != (name, value):
            changed.append(clean_name)
    if changed and not problem:
        problem = f"its {changed[0]} holds a NUL byte or half a character"
    return ManifestRow(clean, problem)


def column_names(found: Sequence[str], location: str) -> list[str]:
    r"""The names of columns as they are meant: ``Track_ID`` is ``track_id``, a byte order mark no letter.

    Raises:
        ManifestError: A required column is missing, or there are two of it.

    Example:
        >>> column_names(["\ufeffTrack_ID", " uri ", "Title", "Title"], "a.csv")
        ['track_id', 'uri', 'Title', 'Title (2)']
    """
    names = spelt_as_meant([name.strip("\ufeff").strip() for name in found])
    if missing := [name for name in REQUIRED_COLUMNS if name not in names]:
        raise ManifestError(
            f"{location}: lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}; "
            f"found: {', '.join(names) or 'none'}"
        )
    if doubled := [name for name in REQUIRED_COLUMNS if names.count(name) > 1]:
        raise ManifestError(f"{location}: has more than one column {doubled[0]}; leave one of them")
    return _told_apart(names)


def spelt_as_meant(names: Sequence[str]) -> list[str]:
    """Names of columns, the required ones in lower case where they are not there in it.

    Example:
        >>> spelt_as_meant(["URI", "Title"]), spelt_as_meant(["URI", "uri"])
        (['uri', 'Title'], ['URI', 'uri'])
    """
    spelt = list(names)
    for required in REQUIRED_COLUMNS:
        if required not in spelt:
            alike = (place for place, name in enumerate(spelt) if name.strip().casefold() == required)
            if (place := next(alike, None)) is not None:
                spelt[place] = required
    return spelt


def _told_apart(names: Sequence[str]) -> list[str]:
    """Names with a number where one has stood before, so that no column takes another one's place."""
    counts: Counter[str] = Counter()
    told_apart = []
    for name in names:
        counts[name] += 1
        told_apart.append(name if counts[name] == 1 else f"{name} ({counts[name]})")
    return told_apart
