"""What is current in a bundle root and how it came to be, for people and for programs."""

from __future__ import annotations

from dataclasses import asdict

from rich.markup import escape
from rich.table import Table

from tonearm.pipelines.reports.printing import json_for_programs, printing
from tonearm.transforms.tagging.bundle_root import Pointer


def print_current(root: str, pointer: Pointer) -> None:
    """Print what is current now, and what was so before."""
    before = pointer.moves[-2].bundle if len(pointer.moves) > 1 else "nothing"
    with printing() as console:
        console.print(f"{root}: {pointer.current.bundle} is current, after {before}", markup=False)
        for rule in pointer.current.broken_rules:
            console.print(f"  against a rule: {rule}", markup=False)


def print_history(pointer: Pointer, *, as_json: bool) -> None:
    """Print every move of a pointer, the last one at the end."""
    with printing() as console:
        if as_json:
            told = [asdict(move) for move in pointer.moves]
            console.print(json_for_programs(told), soft_wrap=True, markup=False)
            return
        table = Table("when", "what", "bundle", "by", "why", "report", box=None, pad_edge=False)
        for move in pointer.moves:
            why = move.why + (" (forced)" if move.broken_rules else "")
            cells = (move.moved_at, str(move.kind), move.bundle, move.moved_by, why, move.report_sha256[:12])
            table.add_row(*(escape(cell) for cell in cells))
        console.print(table)
