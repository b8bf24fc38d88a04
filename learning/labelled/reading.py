"""Reading labelled manifests: CSV, JSON Lines, Parquet, and whatever else is read as a manifest."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from tonearm.learning.labelled.labels import BlankLabelsError, LabelError, Labels
from tonearm.learning.labelled.track import BadRow, LabelledTrack, Split
from tonearm.transforms.sources.manifests.contract import ManifestError
from tonearm.transforms.sources.manifests.reading import (
    NumberedRow,
    manifest_or_listing,
    read_manifest,
    require_readable_kind,
)
from tonearm.transforms.sources.relative_uri import absolute_uri
from tonearm.transforms.storage.contract import StorageError
from tonearm.transforms.storage.signed_url import without_signature

_TRUE = "true"

COLUMNS = {"track_id", "uri", "labels", "group", "training_opt_in", "split", "licence", "license"}
"""What is read here. An artist may be the group, and is a further column all the same."""

_ONE_OF_SEVERAL = re.compile(r"(?P<name>.*?) \(\d+\)")
"""How a manifest's reader tells a column apart from one of the same name that stood before it."""

_SPLITS = {
    "train": Split.TRAIN,
    "training": Split.TRAIN,
    "validation": Split.VALIDATION,
    "valid": Split.VALIDATION,
    "val": Split.VALIDATION,
    "dev": Split.VALIDATION,
    "test": Split.TEST,
    "testing": Split.TEST,
}


class _UnusableRowError(Exception):
    """A row that cannot be used; the message says why."""


class _UnlabelledRowError(_UnusableRowError):
    """A row whose labels nobody has filled in."""


def read_labelled(location: str) -> Iterator[LabelledTrack | BadRow]:
    """Rows of a labelled manifest, one at a time, in their order; no audio is looked at.

    Args:
        location: Path or URL of a manifest, a glob of them, or a folder of Parquet files.

    Raises:
        ManifestError: There is no manifest, it lacks a column, or no row has labels.
    """
    rows, labelled = 0, False
    for row in read_for_labels(location):
        rows += 1
        labelled |= not (isinstance(row, BadRow) and row.is_unlabelled)
        yield row
    if rows and not labelled:
        raise ManifestError(f"{location}: lacks the column labels, or it is empty in all rows")


def read_for_labels(location: str) -> Iterator[LabelledTrack | BadRow]:
    """The same of a manifest whose labels may be blank still in all rows, or in some.

    Raises:
        ManifestError: There is no manifest, or it lacks a column that all manifests have.
    """
    require_readable_kind(location)
    parts, _ = manifest_or_listing(location)
    if not parts:
        raise ManifestError(f"{location}: is no manifest; a labelled one is CSV, JSON Lines or Parquet")
    place_of_id: dict[str, tuple[str, int]] = {}
    for numbered in read_manifest(parts):
        values, said_twice = _meant(numbered.row.values)
        place = numbered.location, numbered.number
        problem = numbered.row.problem or said_twice
        try:
            if problem:
                raise _UnusableRowError(problem)
            track = _track(numbered, values)
            if (first := place_of_id.setdefault(track.track_id, place)) != place:
                raise _UnusableRowError(f"its track_id has stood in row {first[1]} of {first[0]} already")
        except _UnusableRowError as error:
            track_id, uri = values.get("track_id", ""), _uri_if_any(numbered)
            said = values.get("training_opt_in", "").casefold()
            opt_in = None if not said else not problem and said == _TRUE
            is_unlabelled = isinstance(error, _UnlabelledRowError)
            yield BadRow(numbered.number, numbered.location, track_id, uri, str(error), opt_in, is_unlabelled)
        else:
            yield track


def column_meant(name: str) -> str:
    """The column that a name means, in small letters.

    Example:
        >>> column_meant("Training_Opt_In (2)"), column_meant("Title (2)")
        ('training_opt_in', 'title (2)')
    """
    column = name.casefold()
    numbered = _ONE_OF_SEVERAL.fullmatch(column)
    return numbered["name"] if numbered and numbered["name"] in COLUMNS else column


def _meant(values: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """Values by column in small letters; and what is wrong if two columns mean one thing and differ.

    Which of two words counts is never guessed: consent that one column gives and another withholds is none.
    """
    meant: dict[str, str] = {}
    problem = ""
    for name, value in values.items():
        column = column_meant(name)
        if column in COLUMNS and meant.get(column, value.strip()) != value.strip():
            problem = problem or f"its columns for {column} say two things"
        meant[column] = value.strip()
    return meant, problem


def _track(numbered: NumberedRow, values: Mapping[str, str]) -> LabelledTrack:
    for required in ("track_id", "uri"):
        if not values.get(required):
            raise _UnusableRowError(f"its {required} is empty")
    return LabelledTrack(
        track_id=values["track_id"],
        uri=_uri(numbered),
        labels=_labels(values.get("labels", "")),
        group=values.get("group") or values.get("artist", ""),
        training_opt_in=_consent(values.get("training_opt_in", "")),
        split=_split(values.get("split", "")),
        licence=values.get("licence") or values.get("license", ""),
        number=numbered.number,
        location=numbered.location,
        metadata=_metadata(numbered.row.values),
    )


def _metadata(values: Mapping[str, str]) -> dict[str, str]:
    """The columns that have no meaning of their own here; empty cells say nothing."""
    return {
        name: without_signature(value.strip())
        for name, value in values.items()
        if name.casefold() not in COLUMNS and value.strip()
    }


def _uri(numbered: NumberedRow) -> str:
    given = next(value for name, value in numbered.row.values.items() if name.casefold() == "uri")
    try:
        return absolute_uri(given, numbered.location)
    except StorageError as error:
        raise _UnusableRowError(f"its uri cannot be used: {error.message}") from error


def _uri_if_any(numbered: NumberedRow) -> str:
    try:
        return _uri(numbered)
    except (_UnusableRowError, StopIteration):
        return ""


def _labels(text: str) -> Labels:
    try:
        return Labels.read(text)
    except BlankLabelsError as error:
        raise _UnlabelledRowError(f"its labels {error}") from error
    except LabelError as error:
        raise _UnusableRowError(f"its labels {error}") from error


def _consent(text: str) -> bool | None:
    """True for ``true`` alone, None for nothing: consent is said, and never guessed from other words."""
    word = text.casefold()
    if word not in ("", _TRUE, "false"):
        raise _UnusableRowError(f"its training_opt_in is {text[:40]}; write true or false")
    return word == _TRUE if word else None


def _split(text: str) -> Split | None:
    if not text:
        return None
    if (split := _SPLITS.get(text.casefold())) is None:
        raise _UnusableRowError(f"its split is {text[:40]}; write train, validation or test, or nothing")
    return split
