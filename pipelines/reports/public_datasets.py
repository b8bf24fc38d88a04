"""What people see of a data set that was imported."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict

from rich.console import Console

from tonearm.learning.public_datasets.contract import PublicDataset, Remark
from tonearm.learning.public_datasets.registry import Import
from tonearm.pipelines.reports.printing import json_for_programs, printing

_SHOWN = 20
"""Remarks printed for people; all of them go into JSON."""


def print_import(dataset: PublicDataset, found: Import, manifest: str, *, as_json: bool) -> None:
    """Print how many tracks were written, and what is wrong with the data set."""
    opted_in = sum(track.training_opt_in is True for track in found.tracks)
    with printing() as console:
        if as_json:
            report = {
                "dataset": dataset.name,
                "manifest": manifest,
                "tracks": len(found.tracks),
                "training_opt_in": opted_in,
                "splits": _splits(found),
                "licence": dataset.licence,
                "citation": dataset.citation,
                "remarks": [asdict(remark) for remark in found.remarks],
            }
            _print(console, json_for_programs(report, indent=2))
            return
        splits = ", ".join(f"{name or 'none'} {count}" for name, count in _splits(found).items())
        _print(console, f"{manifest}: {len(found.tracks)} tracks of {dataset.title}; split: {splits}")
        _print(console, f"training_opt_in: {opted_in} tracks, whose licence allows works that build on them")
        _print(console, f"splits:   {dataset.splits}")
        _print(console, f"licence:  {dataset.licence}")
        _print(console, f"citation: {dataset.citation}")
        for remark in found.remarks[:_SHOWN]:
            _print(console, _told(remark))
        if (further := len(found.remarks) - _SHOWN) > 0:
            _print(console, f"… and {further} remarks more: --json prints all")


def _splits(found: Import) -> dict[str, int]:
    return dict(sorted(Counter(str(track.split or "") for track in found.tracks).items()))


def _told(remark: Remark) -> str:
    place = f"{remark.place}:{remark.row}" if remark.row else remark.place
    left_out = f"{remark.track_id} is left out: " if remark.track_id else ""
    return f"{place}: {left_out}{remark.text}"


def _print(console: Console, text: str) -> None:
    console.print(text, markup=False, soft_wrap=True)
