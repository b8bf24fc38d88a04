"""``report.html``: the report for people, one file that asks nothing of any other."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

from tonearm.learning.evaluation.report.curves import precision_recall_curves, reliability_curve
from tonearm.learning.evaluation.report.document import Document
from tonearm.learning.evaluation.table import Table
from tonearm.learning.pages.rendering import rendered

_TEMPLATE = Path(__file__).with_name("page.html")

WORST_SHOWN = 20
"""Worst tracks on the page; the JSON has more."""


def page_of(document: Document, table: Table) -> bytes:
    """The page of a report.

    Args:
        document: All that it tells.
        table: Truths and scores, for the curves.
    """
    return rendered(
        _TEMPLATE,
        report=document,
        reliability=Markup(reliability_curve(document["overall"]["calibration"]["bins"])),
        curves=[Markup(curve) for curve in precision_recall_curves(table)],
        worst_shown=WORST_SHOWN,
    )
