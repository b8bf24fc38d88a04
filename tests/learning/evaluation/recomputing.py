"""Every figure of a report reckoned again from ``scores.parquet``, with numpy alone and none of our code.

As a reader of ``docs/models.md`` would do it: pair by pair and draw by draw, without regard for speed.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

Report = dict[str, Any]
FIGURES = ("roc_auc", "pr_auc", "f1", "precision", "recall", "brier")


class Recomputed:
    """The scores of an evaluation, and what follows from them.

    Args:
        folder: Holds ``report.json`` and ``scores.parquet``.
    """

    def __init__(self, folder: Path) -> None:
        self.report: Report = json.loads((folder / "report.json").read_text())
        rows = pq.read_table(folder / "scores.parquet").to_pylist()
        self.rows = rows
        self.truths = np.array([row["truths"] for row in rows])
        self.scores = np.array([row["scores"] for row in rows])
        self.thresholds = np.array([tag["threshold"] for tag in self.report["tags"]])
        self.facets = [tag["facet"] for tag in self.report["tags"]]
        named: dict[Any, int] = {}
        keys = [row["group"] or ("", place) for place, row in enumerate(rows)]
        self.groups = np.array([named.setdefault(key, len(named)) for key in keys])

    def differences(self) -> dict[str, tuple[Any, Any]]:
        """Where the report and these figures differ by more than 1e-6: what it says, what is so."""
        expected: dict[str, Any] = {}
        everything = np.ones(len(self.rows), bool)
        places = list(range(len(self.facets)))
        for place, tag in enumerate(self.report["tags"]):
            found = self._tag(place, everything)
            expected[f"tags[{tag['label']}]"] = found | {
                "positives": int((self.truths[:, place] > 0).sum()),
                "negatives": int((self.truths[:, place] < 0).sum()),
                "calibration": _calibration(self.scores[:, [place]], self.truths[:, [place]]),
            }
        expected["overall"] = self._block(places, everything)
        for facet in self.report["facets"]:
            inside = [place for place in places if self.facets[place] == facet["facet"]]
            expected[f"facets[{facet['facet']}]"] = self._block(inside, everything)
        for column in self.report["parts"]:
            for part in column["parts"]:
                chosen = np.array([self._in_part(row, column["column"], part["part"]) for row in self.rows])
                name = f"parts[{column['column']}][{part['part']}]"
                expected[name] = self._block(places, chosen) | {"tracks": int(chosen.sum())}
        return dict(_differing(expected, self.report))

    def interval(self, figure: str, place: int | None) -> list[float] | None:
        """The interval of a tag's figure, or of its mean over all tags where no tag is named."""
        told = self.report["intervals"]
        count = self.groups.max() + 1
        drawn = []
        generator = np.random.default_rng(told["seed"])
        for _ in range(told["resamples"]):
            counts = generator.multinomial(count, np.full(count, 1 / count))[self.groups]
            repeated = np.repeat(np.arange(len(self.rows)), counts)
            of_tags = [self._figures(each, repeated)[figure] for each in self._counted()]
            known = [value for value in of_tags if value is not None]
            value = (np.mean(known) if known else None) if place is None else None
            drawn.append(value if place is None else self._figures(place, repeated)[figure])
        known = [value for value in drawn if value is not None]
        witnesses = len(set(self.groups)) if place is None else self._witnesses(place)
        tail = _tail_of_student(witnesses)
        return [float(end) for end in np.quantile(known, [tail, 1 - tail])]

    def _witnesses(self, place: int) -> int:
        truths = self.truths[:, place]
        return min(len(set(self.groups[truths > 0])), len(set(self.groups[truths < 0])))

    def _counted(self) -> list[int]:
        return [place for place in range(len(self.facets)) if self._witnesses(place)]

    def _tag(self, place: int, chosen: np.ndarray) -> Report:
        return {"figures": self._figures(place, np.flatnonzero(chosen))}

    def _block(self, places: list[int], chosen: np.ndarray) -> Report:
        inside = np.flatnonzero(chosen)
        counted = []
        for place in places:
            truths = self.truths[inside, place]
            if (truths > 0).any() and (truths < 0).any():
                counted.append(self._figures(place, inside))
        figures = {}
        for name in FIGURES:
            known = [each[name] for each in counted if each[name] is not None]
            figures[name] = float(np.mean(known)) if known else None
        return {
            "tags_in_means": len(counted),
            "figures": figures,
            "calibration": _calibration(
                self.scores[np.ix_(inside, places)], self.truths[np.ix_(inside, places)]
            ),
        }

    def _figures(self, place: int, tracks: np.ndarray) -> dict[str, float | None]:
        truths, scores = self.truths[tracks, place], self.scores[tracks, place]
        known = truths != 0
        holds, scores = truths[known] > 0, scores[known]
        said = scores >= self.thresholds[place]
        found, alarms, missed = (said & holds).sum(), (said & ~holds).sum(), (~said & holds).sum()
        both = holds.any() and not holds.all()
        return {
            "roc_auc": _roc_auc(holds, scores) if both else None,
            "pr_auc": _average_precision(holds, scores) if both else None,
            "f1": 2 * found / (2 * found + alarms + missed) if holds.any() else None,
            "precision": found / (found + alarms) if said.any() else None,
            "recall": found / (found + missed) if holds.any() else None,
            "brier": float(((scores - holds) ** 2).mean()) if len(scores) else None,
        }

    def _in_part(self, row: Report, column: str, part: str) -> bool:
        if column == "length":
            seconds = row["duration_s"]
            limits = [
                (30, "under 30 s"),
                (120, "30 s to 2 min"),
                (300, "2 to 5 min"),
                (math.inf, "over 5 min"),
            ]
            return part == next(name for limit, name in limits if seconds < limit)
        value = row.get(column) or dict(row["metadata"]).get(column) or ""
        if " to " in part:
            low, high = map(float, part.split(" to "))
            return bool(value) and low <= float(value) <= high
        return bool(part == (value or "(unknown)"))


def _roc_auc(holds: np.ndarray, scores: np.ndarray) -> float:
    """Share of the pairs of a track with the tag and one without it that are in order; equals count half."""
    above = scores[holds][:, None] - scores[~holds][None, :]
    return float(((above > 0) + 0.5 * (above == 0)).mean())


def _average_precision(holds: np.ndarray, scores: np.ndarray) -> float:
    """Sum over falling thresholds of the recall gained times the precision there."""
    total, recall = 0.0, 0.0
    for threshold in sorted(set(scores), reverse=True):
        said = scores >= threshold
        now = (said & holds).sum() / holds.sum()
        total += (now - recall) * (said & holds).sum() / said.sum()
        recall = now
    return float(total)


def _calibration(scores: np.ndarray, truths: np.ndarray) -> Report:
    scores, truths = scores[truths != 0], truths[truths != 0] > 0
    if not len(scores):
        return {"ece": None, "ece_by_chance": None}
    error = chance = 0.0
    for number in range(10):
        inside = np.floor(scores * 10).clip(max=9) == number
        if inside.any():
            error += inside.sum() * abs(truths[inside].mean() - scores[inside].mean())
            chance += math.sqrt(2 * (scores[inside] * (1 - scores[inside])).sum() / math.pi)
    return {"ece": error / len(scores), "ece_by_chance": chance / len(scores)}


def _tail_of_student(groups: int) -> float:
    """Hesterberg's correction for 95 %, from draws of normal numbers: no table of Student's t is at hand."""
    from scipy import stats

    student = stats.t.ppf(0.975, groups - 1)
    return float(stats.norm.cdf(-math.sqrt(groups / (groups - 1)) * student))


def _differing(expected: dict[str, Any], report: Report) -> Any:
    for name, found in expected.items():
        for key, value in _leaves(found, ""):
            said = _at(report, name, key)
            is_same = said == value if value is None or said is None else abs(said - value) <= 1e-6
            if not is_same:
                yield f"{name}{key}", (said, value)


def _leaves(found: Any, path: str) -> Any:
    if isinstance(found, dict):
        for key, value in found.items():
            yield from _leaves(value, f"{path}/{key}")
    else:
        yield path, found


def _at(report: Report, name: str, key: str) -> Any:
    block = _block_named(report, name)
    for step in key.strip("/").split("/"):
        block = block[step]
    return block["value"] if isinstance(block, dict) and "value" in block else block


def _block_named(report: Report, name: str) -> Any:
    kind, *inside = name.replace("]", "").split("[")
    match kind:
        case "overall":
            return report["overall"]
        case "tags":
            return next(tag for tag in report["tags"] if tag["label"] == inside[0])
        case "facets":
            return next(facet for facet in report["facets"] if facet["facet"] == inside[0])
    column = next(each for each in report["parts"] if each["column"] == inside[0])
    return next(part for part in column["parts"] if part["part"] == inside[1])
