"""An evaluation from its call to its figures: scores of the set's tracks, held against their labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tonearm.errors import TonearmError
from tonearm.learning.datasets.description import DESCRIPTION
from tonearm.learning.evaluation.comparison import Comparison, compare
from tonearm.learning.evaluation.figures import Figures, figures_of
from tonearm.learning.evaluation.parts import parts_by_column, require_column
from tonearm.learning.evaluation.resampling import Resampling
from tonearm.learning.evaluation.table import Table, table_of
from tonearm.learning.evaluation.tracks.dataset import DatasetTracks
from tonearm.learning.evaluation.tracks.judged import Judged, OnTrack
from tonearm.learning.evaluation.tracks.manifest import ManifestTracks
from tonearm.learning.evaluation.tracks.scoring import Scorer, scorers_of
from tonearm.learning.evaluation.tracks.vocabulary import WordMap, judged_tags, require_known_words
from tonearm.learning.labelled.track import Split
from tonearm.models.bundles.tagger import Tagger
from tonearm.transforms.storage.contract import StorageError
from tonearm.transforms.storage.objects import joined, read_object


class EvaluationError(TonearmError):
    """There is nothing to report; the message says why."""


@dataclass(frozen=True, slots=True)
class EvaluationCall:
    """What is asked.

    Attributes:
        location: Folder or URL of a built data set, or path or URL of a labelled manifest.
        split: The part of it.
        words: How a tagger's words differ from the set's.
        by: Columns by which tracks are told apart, beside length and codec.
        resampling: How intervals are made.
    """

    location: str
    split: Split = Split.TEST
    words: WordMap = field(default_factory=dict)
    by: tuple[str, ...] = ()
    resampling: Resampling = field(default_factory=Resampling)


class JudgedSet(Protocol):
    """A labelled set whose tracks can be scored."""

    @property
    def kind(self) -> str:
        """``dataset`` or ``manifest``."""

    @property
    def labels(self) -> tuple[str, ...]:
        """All its labels."""

    @property
    def digest(self) -> str:
        """What its tracks and labels are, in hex."""

    @property
    def columns(self) -> frozenset[str] | None:
        """The further columns; None if they are not known before tracks are read."""

    def require_front_end(self, tagger: Tagger) -> None:
        """Check that a tagger can score its tracks."""

    def judge(self, scorers: Sequence[Scorer], on_track: OnTrack) -> Judged:
        """Score all of them."""


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """All that a report tells.

    Attributes:
        call: What was asked.
        kind: ``dataset`` or ``manifest``.
        digest: What the set's tracks and labels are.
        labels: All labels of the set.
        taggers: The tagger and, if there is one, the baseline.
        judged: The tracks with their scores.
        tables: Truths and scores of each tagger.
        figures: The tagger's.
        parts: By column, then by part: its tracks' table and figures.
        comparison: With the baseline; None if there is none.
    """

    call: EvaluationCall
    kind: str
    digest: str
    labels: tuple[str, ...]
    taggers: tuple[Tagger, ...]
    judged: Judged
    tables: tuple[Table, ...]
    figures: Figures
    parts: dict[str, dict[str, tuple[Table, Figures]]]
    comparison: Comparison | None


def evaluate(call: EvaluationCall, taggers: tuple[Tagger, ...], on_track: OnTrack) -> Evaluation:
    """Judge a tagger.

    Args:
        call: By what.
        taggers: The tagger and, if wanted, a baseline.
        on_track: Told of each track that has an outcome.

    Raises:
        WrongCallError: The set, the words or a column cannot be as given; before any track is scored.
        EvaluationError: No track could be scored.
        MachineError: No decoder can be started.
    """
    tracks = opened_set(call.location, call.split)
    require_known_words(call.words, taggers, tracks.labels)
    tags = [judged_tags(tagger, tracks.labels, call.words) for tagger in taggers]
    for tagger in taggers:
        tracks.require_front_end(tagger)
    for column in call.by:
        require_column(column, tracks.columns)
    judged = tracks.judge(scorers_of(taggers), on_track)
    require_scored(judged)
    tables = tuple(table_of(judged.tracks, each, place) for place, each in enumerate(tags))
    return Evaluation(
        call=call,
        kind=tracks.kind,
        digest=tracks.digest,
        labels=tracks.labels,
        taggers=taggers,
        judged=judged,
        tables=tables,
        figures=figures_of(tables[0], call.resampling),
        parts=_parts(judged, tables[0], call),
        comparison=compare(tables[0], tables[1], call.resampling) if len(tables) > 1 else None,
    )


def opened_set(location: str, split: Split) -> JudgedSet:
    """Part of a labelled set: of a built data set if one is there, or else of a manifest.

    Raises:
        WrongCallError: It is neither, or no track is left.
    """
    kind: Callable[[str, Split], JudgedSet] = DatasetTracks if _is_dataset(location) else ManifestTracks
    return kind(location, split)


def require_scored(judged: Judged) -> None:
    """Refuse to go on without a single track.

    Raises:
        EvaluationError: With what happened to the first.
    """
    if not judged.tracks:
        first = judged.failures[0]
        raise EvaluationError(
            f"none of the {len(judged.failures)} tracks could be scored; the first, {first.track_id}: "
            f"{first.error}: {first.message}"
        )


def _is_dataset(location: str) -> bool:
    try:
        return read_object(joined(location, DESCRIPTION)) is not None
    except StorageError:
        return False  # what is there is told by whoever reads it as a manifest


def _parts(judged: Judged, table: Table, call: EvaluationCall) -> dict[str, dict[str, tuple[Table, Figures]]]:
    """Figures of each part of the tracks."""
    told: dict[str, dict[str, tuple[Table, Figures]]] = {}
    for column, parts in parts_by_column(judged.tracks, call.by).items():
        tables = {name: table.of_tracks(chosen) for name, chosen in parts.items()}
        told[column] = {name: (part, figures_of(part, call.resampling)) for name, part in tables.items()}
    return told
