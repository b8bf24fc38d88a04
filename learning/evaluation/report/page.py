"""``report.html``: the report for people, one file that asks nothing of any other."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from tonearm.learning.evaluation.report.curves import precision_recall_curves, reliability_curve
from tonearm.learning.evaluation.report.document import Document
from tonearm.learning.evaluation.table import Table
from tonearm.transforms.storage.schemes import scheme_of

_FOLDER = Path(__file__).parent
_TEMPLATE = "page.html"
_STYLE = "page.css"

_LINKED = ("file", "http", "https")
"""Schemes that browsers open; of others, and of scripts, the text is shown."""

WORST_SHOWN = 20
"""Worst tracks on the page; the JSON has more."""


def page_of(document: Document, table: Table) -> bytes:
    """The page of a report.

    Args:
        document: All that it tells.
        table: Truths and scores, for the curves.
    """
    # Names of tracks and tags are whatever somebody wrote, and are escaped; what is marked up here is ours.
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "share": share, "link": link_of, "place": place_of}
    page = environment.get_template(_TEMPLATE).render(
        report=document,
        style=Markup((_FOLDER / _STYLE).read_text()),
        reliability=Markup(reliability_curve(document["overall"]["calibration"]["bins"])),
        curves=[Markup(curve) for curve in precision_recall_curves(table)],
        worst_shown=WORST_SHOWN,
    )
    return page.encode("utf-8", "backslashreplace")


def number(value: float | None, digits: int = 2) -> str:
    """A number as the page shows it; what is not known is a dash.

    >>> number(0.98765), number(None)
    ('0.99', '\u2013')
    """
    return "\u2013" if value is None else f"{value:.{digits}f}"


def share(value: float | None) -> str:
    """A share as the page shows it.

    >>> share(0.98765), share(None)
    ('99%', '\u2013')
    """
    return "\u2013" if value is None else f"{value:.0%}"


def place_of(value: float | None, low: float = 0.0) -> str:
    """Where on a bar from ``low`` to 1 a value lies, as a length of the style sheet.

    >>> place_of(0.75, 0.5), place_of(0.3, 0.5)
    ('50.0%', '0.0%')
    """
    return f"{100 * min(max(((value or 0.0) - low) / (1 - low), 0.0), 1.0):.1f}%"


def link_of(uri: str) -> str:
    """What opens a track in a browser; empty if nothing does.

    >>> link_of("/music/a b.flac"), link_of("gs://bucket/a.flac"), link_of("javascript:alert(1)")
    ('file:///music/a%20b.flac', '', '')
    """
    if uri.startswith("/"):
        return f"file://{quote(uri, errors='surrogateescape')}"
    return uri if scheme_of(uri) in _LINKED else ""
