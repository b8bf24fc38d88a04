"""Every figure of a report reckoned again from ``scores.parquet``, with numpy alone and none of our code.

As a reader of ``docs/models.md`` would do it: pair by pair and draw by draw, without regard for speed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from tests.learning.evaluation.recomputed_formulas import (
    calibration,
    figures_of,
    label_noise,
    tail_of_student,
)

Report = dict[str, Any]
FIGURES = ("roc_auc", "pr_auc", "f1", "precision", "recall", "brier")


@dataclass(frozen=True, slots=True)
class Side:
    """What one tagger says of all tracks.

    Attributes:
        told: What the report says of each of its tags.
        truths: int [tracks, tags].
        scores: float [tracks, tags].
        groups: int [tracks].
    """

    told: list[Report]
    truths: np.ndarray
    scores: np.ndarray
    groups: np.ndarray

    @property
    def places(self) -> list[int]:
        """All tags."""
        return list(range(len(self.told)))

    def facets(self) -> dict[str, list[int]]:
        """Places of the tags by facet."""
        names = dict.fromkeys(tag["facet"] for tag in self.told)
        return {name: [place for place in self.places if self.told[place]["facet"] == name] for name in names}

    def figures(self, place: int, tracks: np.ndarray) -> dict[str, float | None]:
        """The figures of a tag on some tracks."""
        return figures_of(
            self.scores[tracks, place], self.truths[tracks, place], self.told[place]["threshold"]
        )

    def means(self, places: list[int], tracks: np.ndarray) -> dict[str, float | None]:
        """Means over those of some tags that these tracks tell of."""
        found = [self.figures(place, tracks) for place in self.told_by_both(places, tracks)]
        known = {name: [each[name] for each in found if each[name] is not None] for name in FIGURES}
        return {name: float(np.mean(values)) if values else None for name, values in known.items()}

    def told_by_both(self, places: list[int], tracks: np.ndarray) -> list[int]:
        """Tags that some of these tracks have and some lack."""
        truths = self.truths[tracks]
        return [each for each in places if (truths[:, each] > 0).any() and (truths[:, each] < 0).any()]

    def block(self, places: list[int], tracks: np.ndarray) -> Report:
        """What is told of several tags together."""
        inside = np.ix_(tracks, places)
        return {
            "tags": len(places),
            "tags_in_means": len(self.told_by_both(places, tracks)),
            "figures": self.means(places, tracks),
            "calibration": calibration(self.scores[inside], self.truths[inside]),
        }

    def tag(self, place: int, tracks: np.ndarray) -> Report:
        """What is told of one tag."""
        truths, scores = self.truths[:, place], self.scores[:, place]
        said = scores >= self.told[place]["threshold"]
        positives, negatives = int((truths > 0).sum()), int((truths < 0).sum())
        return {
            "positives": positives,
            "negatives": negatives,
            "unknown": int((truths == 0).sum()),
            "groups_that_tell": self.witnesses(place),
            "in_means": self.witnesses(place) > 0,
            "decisions": {
                "true_positives": int((said & (truths > 0)).sum()),
                "false_positives": int((said & (truths < 0)).sum()),
                "false_negatives": int((~said & (truths > 0)).sum()),
                "true_negatives": int((~said & (truths < 0)).sum()),
            },
            "figures": self.figures(place, tracks),
            "calibration": calibration(self.scores[:, [place]], self.truths[:, [place]]),
            "label_noise": label_noise(self.told[place]["figures"]["roc_auc"], positives, negatives),
        }

    def witnesses(self, place: int) -> int:
        """Groups that have a tag, or that lack it, whichever are fewer."""
        truths = self.truths[:, place]
        return min(len(set(self.groups[truths > 0])), len(set(self.groups[truths < 0])))

    def confusions(self) -> dict[str, list[Report]]:
        """How often each tag of a facet is said of tracks that have each other one."""
        said = self.scores >= np.array([tag["threshold"] for tag in self.told])
        found: dict[str, list[Report]] = {}
        for facet, places in self.facets().items():
            for one in places:
                for other in places:
                    if one != other:
                        tracks = [
                            row
                            for row in range(len(said))
                            if self.truths[row, one] > 0 and self.truths[row, other] < 0
                        ]
                        wrongly = [row for row in tracks if said[row, other]]
                        told = {
                            "holds": self.told[one]["label"],
                            "said": self.told[other]["label"],
                            "tracks": len(tracks),
                            "wrongly": len(wrongly),
                            "instead": sum(not said[row, one] for row in wrongly),
                        }
                        found.setdefault(facet, []).append(told)
        return found


class Recomputed:
    """The scores of an evaluation, and what follows from them.

    Args:
        folder: Holds ``report.json`` and ``scores.parquet``.
    """

    def __init__(self, folder: Path) -> None:
        self.report: Report = json.loads((folder / "report.json").read_text())
        file = pq.read_table(folder / "scores.parquet")
        self.rows = file.to_pylist()
        self.labels = {
            prefix: json.loads(file.schema.metadata.get(f"{prefix}labels".encode(), b"[]"))
            for prefix in ("", "baseline_")
        }
        named: dict[Any, int] = {}
        keys = [row["group"] or ("", place) for place, row in enumerate(self.rows)]
        self.groups = np.array([named.setdefault(key, len(named)) for key in keys])
        self.everything = np.arange(len(self.rows))

    @cached_property
    def tagger(self) -> Side:
        """The tagger, on all of its tags."""
        return self._side("", self.report["tags"])

    def differences(self) -> dict[str, tuple[Any, Any]]:
        """Where the report and these figures differ by more than 1e-6: what it says, what is so."""
        expected = self._of_tagger() | {"parts": self._parts()}
        if self.report["comparison"]:
            expected["comparison"] = self._comparison()
        return dict(_differing(expected, self.report, ""))

    def interval(self, figure: str, place: int | None) -> list[float]:
        """The interval of a tag's figure, or of its mean over all tags where no tag is named."""
        return self._interval(
            self.tagger, place, lambda tracks: self._value(self.tagger, figure, place, tracks)
        )

    def interval_of_difference(self, figure: str, place: int | None) -> list[float]:
        """The same of the difference from the baseline, of the labels that both have."""
        ours, theirs = self._compared("tagger", ""), self._compared("baseline", "baseline_")

        def difference(tracks: np.ndarray) -> float | None:
            first, second = (self._value(side, figure, place, tracks) for side in (ours, theirs))
            return None if first is None or second is None else first - second

        return self._interval(ours, place, difference)

    def _side(self, prefix: str, told: list[Report]) -> Side:
        places = [self.labels[prefix].index(tag["label"]) for tag in told]
        truths, scores = (
            np.array([row[f"{prefix}{name}"] for row in self.rows])[:, places]
            for name in ("truths", "scores")
        )
        return Side(told, truths, scores, self.groups)

    def _compared(self, name: str, prefix: str) -> Side:
        told = self.report["comparison"][name]["tags"]
        return self._side(prefix, [told[label] for label in self.report["comparison"]["labels"]])

    def _of_tagger(self) -> Report:
        side = self.tagger
        facets = [
            {"facet": facet, **side.block(places, self.everything)} for facet, places in side.facets().items()
        ]
        return {
            "overall": side.block(side.places, self.everything),
            "facets": facets,
            "tags": [side.tag(place, self.everything) for place in side.places],
            "confusions": side.confusions(),
            "worst_tracks": self._worst_tracks(),
        }

    def _worst_tracks(self) -> list[Report]:
        side, found = self.tagger, []
        for place, row in enumerate(self.rows):
            losses, missed, wrongly = [], [], []
            for tag, truth, score in zip(side.told, side.truths[place], side.scores[place], strict=True):
                if truth:
                    given = score if truth > 0 else 1 - score
                    losses.append(-math.log(min(max(given, 1e-6), 1)))
                said = score >= tag["threshold"]
                if truth > 0 and not said:
                    missed.append({"label": tag["label"], "score": score})
                if truth < 0 and said:
                    wrongly.append({"label": tag["label"], "score": score})
            if missed or wrongly:
                found.append(
                    {
                        "track_id": row["track_id"],
                        "uri": row["uri"],
                        "loss": sum(losses) / len(losses),
                        "missed": sorted(missed, key=lambda each: each["score"]),
                        "wrongly_said": sorted(wrongly, key=lambda each: -each["score"]),
                    }
                )
        return sorted(found, key=lambda each: -each["loss"])[:50]

    def _parts(self) -> list[Report]:
        told = []
        for column in self.report["parts"]:
            parts = []
            for part in column["parts"]:
                inside = [_in_part(row, column["column"], part["part"]) for row in self.rows]
                tracks = np.flatnonzero(inside)
                parts.append({"tracks": len(tracks), **self.tagger.block(self.tagger.places, tracks)})
            told.append({"parts": parts})
        return told

    def _comparison(self) -> Report:
        ours, theirs = self._told("tagger", ""), self._told("baseline", "baseline_")
        differences: Report = {"overall": _minus(ours["overall"], theirs["overall"])}
        for kind in ("facets", "tags"):
            differences[kind] = {name: _minus(ours[kind][name], theirs[kind][name]) for name in ours[kind]}
        return {"tagger": ours, "baseline": theirs, "differences": differences}

    def _told(self, name: str, prefix: str) -> Report:
        side = self._compared(name, prefix)
        return {
            "overall": side.block(side.places, self.everything),
            "facets": {facet: side.block(places, self.everything) for facet, places in side.facets().items()},
            "tags": {tag["label"]: side.tag(place, self.everything) for place, tag in enumerate(side.told)},
        }

    def _value(self, side: Side, figure: str, place: int | None, tracks: np.ndarray) -> float | None:
        if place is not None:
            return side.figures(place, tracks)[figure]
        counted = side.told_by_both(side.places, self.everything)
        known = [
            value for value in (side.figures(each, tracks)[figure] for each in counted) if value is not None
        ]
        return float(np.mean(known)) if known else None

    def _interval(
        self, side: Side, place: int | None, value: Callable[[np.ndarray], float | None]
    ) -> list[float]:
        told = self.report["intervals"]
        count = self.groups.max() + 1
        drawn = []
        generator = np.random.default_rng(told["seed"])
        for _ in range(told["resamples"]):
            counts = generator.multinomial(count, np.full(count, 1 / count))[self.groups]
            drawn.append(value(np.repeat(self.everything, counts)))
        known = [each for each in drawn if each is not None]
        tail = tail_of_student(len(set(self.groups)) if place is None else side.witnesses(place))
        return [float(end) for end in np.quantile(known, [tail, 1 - tail])]


def _in_part(row: Report, column: str, part: str) -> bool:
    if column == "length":
        seconds = row["duration_s"]
        limits = [(30, "under 30 s"), (120, "30 s to 2 min"), (300, "2 to 5 min"), (math.inf, "over 5 min")]
        return part == next(name for limit, name in limits if seconds < limit)
    value = row.get(column) or dict(row["metadata"]).get(column) or ""
    if " to " in part:
        low, high = map(float, part.split(" to "))
        return bool(value) and low <= float(value) <= high
    return bool(part == (value or "(unknown)"))


def _minus(ours: Report, theirs: Report) -> Report:
    """What is told of the differences of two blocks."""
    first, second = ours["figures"], theirs["figures"]
    found = {name: _less(first[name], second[name]) for name in FIGURES}
    return found | {"ece": _less(ours["calibration"]["ece"], theirs["calibration"]["ece"])}


def _less(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first - second


def _differing(found: Any, said: Any, path: str) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """Leaves that differ; of a figure of the report only its value is looked at."""
    if isinstance(found, dict):
        for key, value in found.items():
            yield from _differing(value, said[key], f"{path}/{key}")
    elif isinstance(found, list):
        if len(found) != len(said):
            yield path, (len(said), len(found))
        for place, (one, other) in enumerate(zip(found, said, strict=False)):
            yield from _differing(one, other, f"{path}/{place}")
    else:
        told = said["value"] if isinstance(said, dict) and "value" in said else said
        numbers = isinstance(found, (int, float)) and isinstance(told, (int, float))
        if not (abs(told - found) <= 1e-6 if numbers else told == found):
            yield path, (told, found)
