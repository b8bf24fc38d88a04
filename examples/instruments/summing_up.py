"""What the evaluations found, beside the goals: ``python -m examples.instruments.summing_up``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

GOALS = {"trained families": 0.95, "trained families, solos": 0.99, "FreePats": 0.86}
"""Macro ROC-AUC on pieces that were not trained on, polyphony spread evenly over one to four."""

_COLUMNS = ("part", "part_by_polyphony", "font")
_CHANCE = 0.5


def lines_of(report: dict[str, Any], probe: dict[str, Any] | None) -> Iterator[str]:
    """A line for each part of the test set.

    Args:
        report: An evaluation's ``report.json``.
        probe: The same of the linear probe, if there is one.
    """
    beside = dict(_areas(probe)) if probe is not None else {}
    yield f"{'macro ROC-AUC':<36} tracks  tagger (95 % by piece)    linear probe   chance   goal"
    for part, (tracks, value, interval) in _areas(report):
        probed = f"{beside[part][1]:.3f}" if part in beside else "–"
        goal = GOALS.get(part)
        met = "" if goal is None else f"{goal:.2f} {'reached' if value >= goal else 'MISSED'}"
        told = f"{value:.3f} ({interval[0]:.3f}–{interval[1]:.3f})"
        yield f"{part:<36} {tracks:>6}  {told:<24} {probed:>12} {_CHANCE:>8.2f}   {met}"


def _areas(report: dict[str, Any]) -> Iterator[tuple[str, tuple[int, float, list[float]]]]:
    """Each part with its tracks, its area under the curve and interval; without those that cannot tell."""
    told = set()
    for column in report["parts"]:
        if column["column"] in _COLUMNS:
            for part in column["parts"]:
                figure = part["figures"]["roc_auc"]
                if figure["value"] is not None and part["part"] not in told:
                    told.add(part["part"])
                    interval = figure["interval"] or [figure["value"]] * 2
                    yield part["part"], (part["tracks"], figure["value"], interval)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m examples.instruments.summing_up", description=__doc__)
    parser.add_argument("report", type=Path, help="folder of the tagger's evaluation")
    parser.add_argument("--probe", type=Path, help="folder of the linear probe's evaluation")
    arguments = parser.parse_args()
    probe = _report(arguments.probe) if arguments.probe is not None else None
    print("\n".join(lines_of(_report(arguments.report), probe)))


def _report(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return found


if __name__ == "__main__":
    main()
