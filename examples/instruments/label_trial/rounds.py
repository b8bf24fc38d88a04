"""Rounds of labelling: learn, choose, label, learn again; by the command's own choice, and by other ways."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.preprocessing import StandardScaler

from examples.instruments.label_trial.clips import LABELS, Clips
from examples.instruments.label_trial.head import Head, Scores, learned
from tonearm.learning.evaluation.metrics import mean_of_known, pr_auc, roc_auc
from tonearm.learning.next_labels.asked import AskedTracks
from tonearm.learning.next_labels.catalog import ScoredTrack, survey, tracks_to_weigh
from tonearm.learning.next_labels.choosing import LabelRequest, choose_tracks
from tonearm.learning.next_labels.uncertainty import WantedTags
from tonearm.transforms.tables.parquet.files import ParquetWriter
from tonearm.transforms.tables.schemas import Row

_TAGGER = "head@1"

Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Rounds:
    """How labelling goes on.

    Attributes:
        first: Labels that all begin with, drawn at random; with 0 the embedded tagger's tags come first.
        further: Labels of each further round.
        rounds: Further rounds.
    """

    first: int
    further: int
    rounds: int


@dataclass(frozen=True, slots=True)
class Learned:
    """What a number of labels came to on the test clips.

    Attributes:
        labels: How many.
        pr_auc: Mean over the instruments.
        roc_auc: The same.
    """

    labels: int
    pr_auc: float
    roc_auc: float


Choose = Callable[[Clips, Head | None, Places, int, int], Places]
"""``choose(pool, head, labelled, count, seed)``: places in the pool to label next; no head, no labels yet."""


def labelled_in_rounds(
    pool: Clips, test: Clips, order: Rounds, choose: Choose, seed: int
) -> Sequence[Learned]:
    """Go through the rounds.

    Args:
        pool: Clips that may be labelled.
        test: Clips that are judged by.
        order: How many labels there are in which round.
        choose: Says what is labelled next.
        seed: Draws the first labels.

    Returns:
        What was learned from the first labels, if there are any, and after each further round.
    """
    scaler = StandardScaler().fit(pool.embeddings)
    labelled = np.random.default_rng(seed).choice(len(pool.rows), order.first, replace=False)
    found, head = [], None
    for number in range(order.rounds + 1):
        if len(labelled):
            head = learned(scaler, pool.embeddings[labelled], pool.truths[labelled])
            found.append(_judged(head, test, len(labelled)))
        if number < order.rounds:
            labelled = np.concatenate([labelled, choose(pool, head, labelled, order.further, seed)])
    return found


def by_chance(pool: Clips, head: Head | None, labelled: Places, count: int, seed: int) -> Places:
    """Any clips that have no labels yet."""
    left = np.setdiff1d(np.arange(len(pool.rows)), labelled)
    return np.random.default_rng([seed, len(labelled)]).choice(left, count, replace=False)


def by_label_next(pool: Clips, head: Head | None, labelled: Places, count: int, _: int) -> Places:
    """What ``tonearm label_next`` asks for, by tables that hold what the head thinks of the clips."""

    def choose(tables: str, asked: AskedTracks) -> Iterable[ScoredTrack]:
        return choose_tracks(LabelRequest(tables, _TAGGER, count, WantedTags(), asked)).tracks

    return _by_tables(pool, head, labelled, choose)


def by_uncertainty(pool: Clips, head: Head | None, labelled: Places, count: int, _: int) -> Places:
    """The clips of which the head is most unsure, as the command reckons it, whatever they sound like."""

    def choose(tables: str, asked: AskedTracks) -> Iterable[ScoredTrack]:
        surveyed = survey(tables, _TAGGER, asked, WantedTags())
        tracks = tracks_to_weigh(tables, _TAGGER, surveyed, WantedTags())
        return sorted(tracks, key=lambda track: -track.uncertainty)[:count]

    return _by_tables(pool, head, labelled, choose)


WAYS: dict[str, Choose] = {
    "chance": by_chance,
    "label_next": by_label_next,
    "uncertainty": by_uncertainty,
}


def _by_tables(
    pool: Clips,
    head: Head | None,
    labelled: Places,
    choose: Callable[[str, AskedTracks], Iterable[ScoredTrack]],
) -> Places:
    asked = AskedTracks({pool.rows[place]["track_id"] for place in labelled})
    tags = _tags_by(head, pool, labelled) if head else [row["tags"] for row in pool.rows]
    with tempfile.TemporaryDirectory() as tables:
        _write_tables(Path(tables), pool, tags)
        chosen = [track.track_id for track in choose(tables, asked)]
    place_of = {row["track_id"]: place for place, row in enumerate(pool.rows)}
    return np.array([place_of[track_id] for track_id in chosen])


def _judged(head: Head, test: Clips, labels: int) -> Learned:
    scores = head.scores(test.embeddings)
    areas = (mean_of_known(figure(scores, test.truths)) for figure in (pr_auc, roc_auc))
    return Learned(labels, *(area or 0.0 for area in areas))


def _tags_by(head: Head, pool: Clips, labelled: Places) -> list[list[Row]]:
    """What the head says of each clip, as rows of tables have it."""
    scores = head.scores(pool.embeddings)
    thresholds = _thresholds(scores, pool.truths[labelled]).tolist()
    return [
        [
            {
                **{"facet": "instrument", "tag": label, "score": score, "peak": score, "presence": 1.0},
                "selected": score >= threshold,
            }
            for label, score, threshold in zip(LABELS, of_clip, thresholds, strict=True)
        ]
        for of_clip in scores.tolist()
    ]


def _thresholds(scores: Scores, truths: npt.NDArray[np.int8]) -> npt.NDArray[np.float64]:
    """By label the score from which on it is said of as large a share as of the labelled clips has it."""
    shares = np.clip((truths > 0).mean(axis=0), 0.02, 0.98)
    return np.array([np.quantile(scores[:, label], 1 - share) for label, share in enumerate(shares)])


def _write_tables(folder: Path, pool: Clips, tags: Sequence[Sequence[Row]]) -> None:
    moment = datetime.now(UTC)
    rows, embeddings = [], []
    for row, of_row, vector in zip(pool.rows, tags, pool.embeddings, strict=True):
        common = {**row, "tagger": _TAGGER, "ingest_date": moment.date()}
        rows.append({**common, "tags": of_row})
        embeddings.append({**common, "vector": vector.tolist(), "dim": len(vector)})
    writer = ParquetWriter(str(folder))
    writer.write("track_tags", rows)
    writer.write("embeddings", embeddings)
