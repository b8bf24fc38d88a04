"""Drawings of pages: as SVG inside the page, in its colours, light or dark."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

INK, FAINT, ACCENT = "#010203", "#040506", "#070809"
"""Stand for the page's colours, which its style sheet says for light and dark screens."""

_VARIABLES = {INK: "var(--ink)", FAINT: "var(--faint)", ACCENT: "var(--accent)"}

_SETTINGS: dict[Any, Any] = {
    "svg.hashsalt": "tonearm",  # the same curves, the same bytes
    "svg.fonttype": "path",  # as wide in every browser as where it was laid out
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def drawn(width: float, height: float, draw: Callable[[Figure], None]) -> str:
    """A drawing as an element that fills its place, without what a file of its own needs.

    Args:
        width: Of its shape, in the inches of matplotlib.
        height: Likewise.
        draw: Draws it, in ``INK``, ``FAINT`` and ``ACCENT``.
    """
    with mpl.rc_context(_SETTINGS):
        figure = Figure(figsize=(width, height), layout="constrained")
        draw(figure)
        return _svg(figure)


def _svg(figure: Figure) -> str:
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
