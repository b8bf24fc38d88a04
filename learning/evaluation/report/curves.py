"""The drawings of the report's page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import precision_recall_curve

from tonearm.learning.evaluation.table import Table
from tonearm.learning.pages.drawing import ACCENT, FAINT, INK, drawn


def reliability_curve(bins: Sequence[dict[str, Any]]) -> str:
    """Share of pairs in which the tag holds over the mean score of each bin, and how many pairs it has.

    Args:
        bins: As ``report.json`` has them.

    Returns:
        An SVG element.
    """
    filled = [each for each in bins if each["pairs"]]

    def draw(figure: Figure) -> None:
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
        upper.plot([0, 1], [0, 1], color=FAINT, linewidth=1.2, linestyle=(0, (4, 3)))
        scores = [each["mean_score"] for each in filled]
        upper.plot(scores, [each["share"] for each in filled], color=ACCENT, marker="o", linewidth=2)
        upper.set(xlim=(0, 1), ylim=(0, 1), ylabel="share that has the tag")
        middles = [(each["low"] + each["high"]) / 2 for each in bins]
        lower.bar(middles, [max(each["pairs"], 0.5) for each in bins], width=0.085, color=ACCENT)
        lower.set(xlabel="score", ylabel="pairs", yscale="log", ylim=(0.8, None))
        lower.minorticks_off()

    return drawn(4.6, 4.8, draw)


def precision_recall_curves(table: Table) -> list[str]:
    """A small curve of precision over recall for each tag, with the threshold marked.

    Returns:
        An SVG element for each tag, without any text; empty where the tracks cannot tell.
    """
    return [_precision_recall_curve(table, place) for place in range(len(table.tags))]


def _precision_recall_curve(table: Table, place: int) -> str:
    known = table.truths[:, place] != 0
    holds, scores = table.truths[known, place] > 0, table.scores[known, place]
    if not holds.any() or holds.all():
        return ""
    precision, recall, _ = precision_recall_curve(holds, scores, drop_intermediate=True)
    said = scores >= table.tags[place].threshold

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.axhline(float(holds.mean()), color=FAINT, linewidth=1, linestyle=(0, (3, 3)))
        axes.plot(recall, precision, color=ACCENT, linewidth=1.6, drawstyle="steps-post")
        if said.any():
            _mark(axes, float(said[holds].mean()), float(holds[said].mean()))
        axes.set(xlim=(0, 1.03), ylim=(0, 1.05), xticks=[], yticks=[])

    return drawn(1.9, 1.5, draw)


def _mark(axes: Axes, recall: float, precision: float) -> None:
    axes.plot([recall], [precision], color=INK, marker="o", markersize=6)
