"""What each label of a data set is in a catalog: its facet, and the tag that tracks get."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tonearm.errors import WrongCallError
from tonearm.models.bundles.tagger import FACETS

_COLUMNS = ("label", "facet", "tag")


class VocabularyError(WrongCallError):
    """Labels cannot be made tags as the call says; the message says what to mend."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a label means.

    Attributes:
        label: The data set's word.
        facet: One of ``FACETS``.
        tag: The catalog's word.
    """

    label: str
    facet: str
    tag: str


def of_one_facet(labels: Sequence[str], facet: str) -> tuple[Meaning, ...]:
    """All labels are of one facet, and tags as they are."""
    return _checked([Meaning(label, facet, label) for label in labels])


def as_listed(labels: Sequence[str], listed: Mapping[str, Meaning]) -> tuple[Meaning, ...]:
    """Labels as a list has them.

    Raises:
        VocabularyError: One is not listed.
    """
    if missing := [label for label in labels if label not in listed]:
        raise VocabularyError(f"the list of facets lacks {', '.join(missing[:5])}: add a row for each label")
    return _checked([listed[label] for label in labels])


def read_facets(content: bytes) -> dict[str, Meaning]:
    r"""Read a list of facets: CSV with the columns ``label``, ``facet`` and, if a tag is to differ, ``tag``.

    Raises:
        VocabularyError: It is no such list; the message completes "FILE: …".

    Example:
        >>> read_facets(b"label,facet,tag\nvox,voice,vocals\npiano,instrument,\n")["vox"]
        Meaning(label='vox', facet='voice', tag='vocals')
    """
    try:
        rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        if not {"label", "facet"} <= set(rows.fieldnames or ()) <= set(_COLUMNS):
            raise VocabularyError("its first line must name the columns label, facet and, if need be, tag")
        meanings = [_meaning(row, rows.line_num) for row in rows]
    except (UnicodeDecodeError, csv.Error) as error:
        raise VocabularyError(f"it is no CSV in UTF-8: {error}") from error
    listed = {meaning.label: meaning for meaning in meanings}
    if len(listed) < len(meanings):
        raise VocabularyError("it has a label twice")
    return listed


def _meaning(row: Mapping[str | None, str | None], line: int) -> Meaning:
    label, facet, tag = ((row.get(name) or "").strip() for name in _COLUMNS)
    if None in row or not label or not facet:
        raise VocabularyError(
            f"its line {line} must have a label and a facet, and no more columns than the first"
        )
    return Meaning(label, facet, tag or label)


def _checked(meanings: Sequence[Meaning]) -> tuple[Meaning, ...]:
    """Refuse what no bundle can hold."""
    for meaning in meanings:
        if meaning.facet not in FACETS:
            raise VocabularyError(
                f"{meaning.label}: there is no facet {meaning.facet}; there are {', '.join(FACETS)}"
            )
        if not meaning.tag.strip() or not meaning.tag.isprintable():
            raise VocabularyError(
                f"{meaning.tag!r} cannot be a tag: it is empty, or has characters that cannot be printed"
            )
    tags = Counter(meaning.tag for meaning in meanings)
    if twice := {tag for tag, count in tags.items() if count > 1}:
        raise VocabularyError(
            f"several labels would be the tag {min(twice)}: give each label a tag of its own"
        )
    return tuple(meanings)
