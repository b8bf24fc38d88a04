"""What people see of an evaluation in the terminal; the report tells more."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from tonearm.pipelines.reports.printing import printing

_FIGURES = {
    "roc_auc": "ROC-AUC",
    "pr_auc": "PR-AUC",
    "f1": "F1",
    "precision": "precision",
    "recall": "recall",
}


def print_evaluation(document: Mapping[str, Any], folder: Path) -> None:
    """Print the figures of an evaluation, a line a tag, and where its report is."""
    tracks = document["tracks"]
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for name in ("tag", "facet", "has it", "lacks it"):
        table.add_column(name, justify="left" if name in ("tag", "facet") else "right")
    for name in _FIGURES.values():
        table.add_column(name, justify="right")
    for tag in document["tags"]:
        counts = (f"{tag['positives']:,}", f"{tag['negatives']:,}")
        table.add_row(escape(tag["label"]), tag["facet"], *counts, *_told(tag["figures"]))
    table.add_section()
    table.add_row(
        f"mean of {document['overall']['tags_in_means']}", "", "", "", *_told(document["overall"]["figures"])
    )
    with printing() as console:
        console.print(table)
        if left_out := document["overall"]["tags"] - document["overall"]["tags_in_means"]:
            console.print(
                f"–: these tracks cannot tell; {left_out} tags are left out of the means", markup=False
            )
        if document["comparison"]:
            console.print(_compared(document), markup=False, soft_wrap=True)
        console.print(_counted(tracks), markup=False, soft_wrap=True)
        console.print(f"report: {folder / 'report.html'}", markup=False, soft_wrap=True)


def _told(figures: Mapping[str, Any]) -> list[str]:
    return [_number(figures[name]) for name in _FIGURES]


def _number(figure: Mapping[str, Any]) -> str:
    """A figure with its interval.

    >>> _number({"value": 0.91234, "interval": [0.9, 0.925]})
    '0.912 (0.900 to 0.925)'
    """
    if figure["value"] is None:
        return "–"
    interval = figure["interval"]
    return f"{figure['value']:.3f}" + (f" ({interval[0]:.3f} to {interval[1]:.3f})" if interval else "")


def _compared(document: Mapping[str, Any]) -> str:
    comparison = document["comparison"]
    difference = comparison["differences"]["overall"]["pr_auc"]
    if difference["value"] is None:
        return f"beside {document['baseline']['identity']}: these tracks cannot tell"
    interval = difference["interval"]
    span = f" ({interval[0]:+.3f} to {interval[1]:+.3f})" if interval else ""
    return (
        f"PR-AUC beside {document['baseline']['identity']}, on {len(comparison['labels'])} common tags: "
        f"{difference['value']:+.3f}{span}"
    )


def _counted(tracks: Mapping[str, Any]) -> str:
    told = [f"{tracks['judged']:,} tracks judged, {tracks['failed']:,} failed"]
    told += [f"{count:,} left out: {reason}" for reason, count in tracks["left_out"].items()]
    return "; ".join(told)
