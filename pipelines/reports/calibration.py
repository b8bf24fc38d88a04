"""What people see of a calibration: what becomes of each tag."""

from __future__ import annotations

from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from tonearm.learning.calibration.calibrating import CalibrationResult
from tonearm.learning.calibration.recalibrating import LeftAsItWas, Recalibrated
from tonearm.learning.evaluation.figures import Figure
from tonearm.models.bundles.tagger import Tagger
from tonearm.pipelines.reports.printing import printing


def print_calibration(result: CalibrationResult) -> None:
    """Print a line for each tag, and why some were left as they were."""
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
    table.add_column("tag")
    for name in ("have it", "threshold", "precision to expect", "recall to expect", "calibration error"):
        table.add_column(name, justify="right")
    fitted = [outcome for outcome in result.outcomes if isinstance(outcome, Recalibrated)]
    for outcome in fitted:
        table.add_row(
            escape(outcome.tag),
            f"{outcome.positives:,}",
            f"{outcome.threshold:.3f}",
            _figure(outcome.precision),
            _figure(outcome.recall),
            f"{outcome.ece_before:.3f} before, {outcome.ece_after:.3f} now",
        )
    with printing() as console:
        if fitted:
            console.print(table)
        for left in result.outcomes:
            if isinstance(left, LeftAsItWas):
                console.print(f"{left.tag}: left as it was: {left.why}", markup=False, soft_wrap=True)
        console.print(f"{result.tracks:,} tracks, {result.failed:,} failed")


def print_written(tagger: Tagger, folder: Path) -> None:
    """Print what was written, and where."""
    with printing() as console:
        console.print(f"bundle: {folder}, {tagger.identity}", markup=False, soft_wrap=True)


def _figure(figure: Figure) -> str:
    if figure.value is None:
        return "not known"
    ends = figure.interval
    return f"{figure.value:.2f}" + (f" ({ends[0]:.2f} to {ends[1]:.2f})" if ends else "")
