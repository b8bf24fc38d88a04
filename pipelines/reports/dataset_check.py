"""What people see of a labelled manifest that was checked."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict

from rich.box import SIMPLE_HEAD
from rich.table import Table

from tonearm.learning.checks.finding import Finding
from tonearm.learning.checks.manifest import CheckReport
from tonearm.pipelines.reports.printing import json_for_programs, printing

_SHOWN = 20
"""Findings of each kind that are printed for people; all of them go into JSON."""

_ROWS_SHOWN = 5
"""Rows of a finding that are named."""


def print_check(report: CheckReport, manifest: str, *, as_json: bool) -> None:
    """Print what was found: a line for each finding, and how many there are of each kind."""
    with printing() as console:
        if as_json:
            content = {
                "manifest": manifest,
                "rows": report.rows,
                "training_opt_in": report.with_consent,
                "counts": report.counts,
                "findings": [asdict(finding) for finding in report.findings],
            }
            console.print(json_for_programs(content, indent=2), markup=False, soft_wrap=True)
            return
        shown: Counter[str] = Counter()
        for finding in report.findings:
            shown[finding.check] += 1
            if shown[finding.check] <= _SHOWN:
                console.print(_told(finding), markup=False, soft_wrap=True)
        table = Table("check", "findings", header_style="bold", box=SIMPLE_HEAD, pad_edge=False)
        for check, count in report.counts.items():
            further = f"{count:,}" if count <= _SHOWN else f"{count:,}, of which {_SHOWN} are printed"
            table.add_row(check, further)
        if report.findings:
            console.print(table)
        console.print(f"{report.rows:,} rows, {report.with_consent:,} with consent")
        if max(shown.values(), default=0) > _SHOWN:
            console.print("--json prints all")


def _told(finding: Finding) -> str:
    named = [f"{row.location}:{row.row} {row.track_id}".rstrip() for row in finding.rows[:_ROWS_SHOWN]]
    if further := len(finding.rows) - len(named):
        named.append(f"{further} rows more")
    return f"{finding.check}: {', '.join(named)}{': ' * bool(named)}{finding.message}"
