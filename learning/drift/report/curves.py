"""How something went from day to day: a small curve."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date

import numpy as np
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure

from tonearm.learning.pages.drawing import ACCENT, FAINT, INK, drawn


def curve_of_days(values: Mapping[date, Sequence[float]], marked: Collection[date]) -> str:
    """The median of each day over its middle half.

    Args:
        values: Those of each day's tracks; days without any are left out.
        marked: Days that get a dot.

    Returns:
        An SVG element.
    """
    days = [day for day, some in values.items() if len(some)]
    quartiles = np.array([np.quantile(values[day], (0.25, 0.5, 0.75)) for day in days])
    places = np.array([date2num(day) for day in days])  # type: ignore[no-untyped-call]
    dots = np.array([day in marked for day in days])

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.vlines(places, quartiles[:, 0], quartiles[:, 2], color=FAINT, linewidth=2.5)
        axes.plot(places, quartiles[:, 1], color=ACCENT, linewidth=1.4, marker="o", markersize=2.5)
        axes.plot(places[dots], quartiles[dots, 1], "o", color=INK, markersize=6)
        locator = AutoDateLocator(minticks=2, maxticks=4)
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))
        axes.tick_params(labelsize=7)

    return drawn(2.9, 1.7, draw)
