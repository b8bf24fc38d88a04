"""Evaluations made up for tests of what is told of them: names, tags and scores as wanted, without audio."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tonearm.learning.evaluation.comparison import compare
from tonearm.learning.evaluation.evaluation import Evaluation, EvaluationCall
from tonearm.learning.evaluation.figures import figures_of
from tonearm.learning.evaluation.resampling import Resampling
from tonearm.learning.evaluation.table import table_of
from tonearm.learning.evaluation.tracks.judged import FailedTrack, Judged, JudgedTrack
from tonearm.learning.evaluation.tracks.scoring import TrackScores
from tonearm.learning.evaluation.tracks.vocabulary import JudgedTag
from tonearm.learning.labelled.labels import LabelValue
from tonearm.models.bundles.loading import load_tagger


def made_up(
    labels: tuple[str, ...] = ("piano", "drums", "happy"),
    *,
    tracks: int = 60,
    name: str = "track",
    separation: float = 3.0,
    groups: int = 20,
) -> Evaluation:
    """An evaluation of two taggers; the second is worse.

    Args:
        labels: The last one is of the facet mood, the others are instruments.
        tracks: How many.
        name: What their ids and addresses begin with.
        separation: How far scores of tracks with a tag lie above those of others, as a logit.
        groups: How many.
    """
    generator = np.random.default_rng(7)
    tags = tuple(
        JudgedTag(label, label, "mood" if label == labels[-1] else "instrument", 0.5) for label in labels
    )
    judged = Judged(failures=[FailedTrack("x", "/music/x", "decode", "undecodable", f"{name} is empty")])
    for number in range(tracks):
        holds = generator.random(len(labels)) < 0.4
        scores = [
            TrackScores(np.zeros(2, np.float32), _scores(labels, holds, separation * part, generator))
            for part in (1.0, 0.3)
        ]
        judged.add(
            JudgedTrack(
                track_id=f"{name}{number}",
                uri=f"{name}{number}.flac",
                group=f"g{number % groups}",
                split="test",
                licence="CC0",
                duration_s=8.0,
                codec="flac",
                metadata={"year": str(1990 + number % 2)},
                truths={
                    label: LabelValue(1 if held else -1) for label, held in zip(labels, holds, strict=True)
                },
                scores=tuple(scores),
            )
        )
    tagger = replace(load_tagger("musicnn"), name="ours")
    tables = tuple(table_of(judged.tracks, tags, place) for place in range(2))
    resampling = Resampling(resamples=60)
    return Evaluation(
        call=EvaluationCall("labelled.csv", resampling=resampling),
        kind="manifest",
        digest="0" * 64,
        labels=labels,
        taggers=(tagger, load_tagger("musicnn")),
        judged=judged,
        tables=tables,
        figures=figures_of(tables[0], resampling),
        parts={},
        comparison=compare(*tables, resampling),
    )


def _scores(
    labels: tuple[str, ...], holds: np.ndarray, separation: float, generator: np.random.Generator
) -> dict[str, float]:
    logits = separation * (holds - 0.5) + generator.normal(0, 0.8, len(labels))
    return dict(zip(labels, (1 / (1 + np.exp(-logits))).tolist(), strict=True))
