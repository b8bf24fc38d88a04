"""The page's drawings: as SVG inside the page, in its colours, light or dark."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import precision_recall_curve

from tonearm.learning.evaluation.table import Table

_INK, _FAINT, _ACCENT = "#010203", "#040506", "#070809"
"""Stand for the page's colours, which its style sheet says for light and dark screens."""

_VARIABLES = {_INK: "var(--ink)", _FAINT: "var(--faint)", _ACCENT: "var(--accent)"}

_SETTINGS: dict[Any, Any] = {
    "svg.hashsalt": "tonearm",  # the same curves, the same bytes
    "svg.fonttype": "path",  # as wide in every browser as where it was laid out
    "font.size": 10,
    "text.color": _INK,
    "axes.edgecolor": _FAINT,
    "axes.labelcolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def reliability_curve(bins: Sequence[dict[str, Any]]) -> str:
    """Share of pairs in which the tag holds over the mean score of each bin, and how many pairs it has.

    Args:
        bins: As ``report.json`` has them.

    Returns:
        An SVG element.
    """
    filled = [each for each in bins if each["pairs"]]
    with mpl.rc_context(_SETTINGS):
        figure = Figure(figsize=(4.6, 4.8), layout="constrained")
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
        upper.plot([0, 1], [0, 1], color=_FAINT, linewidth=1.2, linestyle=(0, (4, 3)))
        scores = [each["mean_score"] for each in filled]
        upper.plot(scores, [each["share"] for each in filled], color=_ACCENT, marker="o", linewidth=2)
        upper.set(xlim=(0, 1), ylim=(0, 1), ylabel="share that has the tag")
        middles = [(each["low"] + each["high"]) / 2 for each in bins]
        lower.bar(middles, [max(each["pairs"], 0.5) for each in bins], width=0.085, color=_ACCENT)
        lower.set(xlabel="score", ylabel="pairs", yscale="log", ylim=(0.8, None))
        lower.minorticks_off()
        return _svg(figure)


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
    with mpl.rc_context(_SETTINGS):
        figure = Figure(figsize=(1.9, 1.5), layout="constrained")
        axes = figure.subplots()
        axes.axhline(float(holds.mean()), color=_FAINT, linewidth=1, linestyle=(0, (3, 3)))
        axes.plot(recall, precision, color=_ACCENT, linewidth=1.6, drawstyle="steps-post")
        said = scores >= table.tags[place].threshold
        if said.any():
            _mark(axes, float(said[holds].mean()), float(holds[said].mean()))
        axes.set(xlim=(0, 1.03), ylim=(0, 1.05), xticks=[], yticks=[])
        return _svg(figure)


def _mark(axes: Axes, recall: float, precision: float) -> None:
    axes.plot([recall], [precision], color=_INK, marker="o", markersize=6)


def _svg(figure: Figure) -> str:
    """The drawing as an element that fills its place, without what a file of its own needs."""
    file = io.StringIO()
    figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(
        r"<(svg)[^>]*?(viewBox=\"[^\"]*\")[^>]*>", r'<\1 \2 role="img" aria-hidden="true">', text, count=1
    )
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, variable)
    return text
