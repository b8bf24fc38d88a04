"""What people see of a data set that was built."""

from __future__ import annotations

from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from tonearm.learning.datasets.description import Description
from tonearm.pipelines.reports.printing import json_for_programs, printing

_NAMED = 20
"""Labels that are named for people; all of them are in ``dataset.json``."""

_FEW_POSITIVES = 10
"""A label that holds for fewer training tracks is named; in other splits one that holds for none."""

_NOT_PRINTED = ("shards", "labels_left_out")


def print_build(location: str, description: Description, *, was_there: bool, as_json: bool) -> None:
    """Print what is in a data set and what is not."""
    with printing() as console:
        if as_json:
            told = {key: value for key, value in description.items() if key not in _NOT_PRINTED}
            _print(console, json_for_programs({"location": location, **told}, indent=2))
            return
        _print(console, _counts(description["counts"]))
        for word, count in description["failed"].items():
            _print(console, f"  failed, {word}: {count:,}")
        if description["failed"]:
            _print(console, f"  named in {location}/{description['failures']['name']}")
        console.print(_splits(description["splits"]))
        _print(console, f"labels: {_listed(description['labels'])}")
        _print_remarks(console, description)
        state = "was there already: " if was_there else ""
        _print(console, f"{location}: {state}data set {description['digest']}")


def _counts(counts: dict[str, int]) -> str:
    parts = [
        f"{name.replace('_', ' ')} {count:,}"
        for name, count in counts.items()
        if name != "seen" and (count or name != "without_labels")
    ]
    return f"seen {counts['seen']:,} = {' + '.join(parts)}"


def _splits(splits: dict[str, Any]) -> Table:
    table = Table("split", "tracks", "groups", "patches", "hours", box=SIMPLE_HEAD, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for name, told in splits.items():
        numbers = (f"{told[column]:,}" for column in ("tracks", "groups", "patches"))
        table.add_row(name, *numbers, f"{told['seconds'] / 3600:,.1f}")
    return table


def _print_remarks(console: Console, description: Description) -> None:
    """Tell what may keep labels from being learned or tested."""
    if left_out := [f"{label} ({why})" for label, why in description["labels_left_out"].items()]:
        _print(console, f"labels left out: {_listed(left_out)}")
    for name, told in description["splits"].items():
        fewest = _FEW_POSITIVES if name == "train" else 1
        positives = {label: of["positive"] for label, of in told["labels"].items()}
        few = [f"{label} ({count})" for label, count in positives.items() if count < fewest]
        if few and told["tracks"]:
            _print(console, f"labels that hold for fewer than {fewest} {name} tracks: {_listed(few)}")


def _listed(names: list[str]) -> str:
    further = f", and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + further


def _print(console: Console, text: str) -> None:
    console.print(text, markup=False, soft_wrap=True)
