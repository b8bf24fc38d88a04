"""What changes from one tagger to another, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tonearm.learning.tag_changes.comparing import Comparison
from tonearm.pipelines.reports.printing import json_for_programs, printing

_MOST_LINES = 20
"""Tags and sources that are printed; JSON has all."""

Told = Mapping[str, Any]


def print_comparison(comparison: Comparison, *, as_json: bool) -> None:
    """Print what is compared, and what changes."""
    told = told_of(comparison)
    with printing() as console:
        if as_json:
            console.print(json_for_programs(told), soft_wrap=True, markup=False)
            return
        for line in _head(told):
            console.print(line, markup=False, soft_wrap=True)
        if not told["tracks"]["changed"]:
            return
        _print_facets(console, told)
        _print_tags(console, told)
        _print_sources(console, told)
        _print_largest(console, told)


def told_of(comparison: Comparison) -> dict[str, Any]:
    """All that a comparison has found, as JSON has it."""
    order = comparison.order
    _, changed, *of_facets = comparison.changed.whole.tolist()
    tags = list(_tags(comparison))
    return {
        "output": order.output,
        "first": order.first,
        "second": order.second,
        "by": order.column,
        "tracks": {
            "compared": comparison.compared,
            "changed": changed,
            "only_first": comparison.only_first,
            "only_second": comparison.only_second,
            "other_generation": comparison.other_generation,
        },
        "words_only_first": list(comparison.words_only_first),
        "words_only_second": list(comparison.words_only_second),
        "facets": [
            {
                "facet": facet,
                "changed": tracks,
                "gained": sum(tag["gained"] for tag in tags if tag["facet"] == facet),
                "lost": sum(tag["lost"] for tag in tags if tag["facet"] == facet),
            }
            for facet, tracks in zip(comparison.changed.facets, of_facets, strict=True)
        ],
        "tags": sorted(tags, key=lambda tag: (-tag["gained"] - tag["lost"], tag["tag"])),
        "sources": sorted(_sources(comparison), key=lambda source: (-source["changed"], source["source"])),
        "listen_first": [asdict(track) for track in comparison.largest.in_order()],
    }


def _tags(comparison: Comparison) -> Iterator[dict[str, Any]]:
    tally = comparison.tags
    for place, tag in enumerate(comparison.common.tags):
        compared = int(tally.compared[place])
        yield {
            "tag": tag,
            "facet": comparison.common.facets[place],
            "compared": compared,
            "selected_first": int(tally.selected_first[place]),
            "selected_second": int(tally.selected_second[place]),
            "gained": int(tally.gained[place]),
            "lost": int(tally.lost[place]),
            "mean_change_of_score": float(tally.change[place] / compared) if compared else None,
            "mean_size_of_change": float(tally.size[place] / compared) if compared else None,
        }


def _sources(comparison: Comparison) -> Iterator[dict[str, Any]]:
    changed = comparison.changed
    for source, counts in changed.by_source.items():
        tracks, of_any, *of_facets = counts.tolist()
        yield {
            "source": source,
            "compared": tracks,
            "changed": of_any,
            "by_facet": dict(zip(changed.facets, of_facets, strict=True)),
        }


def _head(told: Told) -> Iterator[str]:
    first, second, tracks = told["first"], told["second"], told["tracks"]
    yield (
        f"{tracks['compared']:,} tracks have tags of both {first} and {second}; "
        f"{tracks['only_first']:,} only of {first}, {tracks['only_second']:,} only of {second}"
    )
    if tracks["other_generation"]:
        yield f"{tracks['other_generation']:,} have tags of both, but of different files: not compared"
    for tagger, words in ((first, told["words_only_first"]), (second, told["words_only_second"])):
        if words:
            yield f"words that only {tagger} has, not compared: {', '.join(words)}"
    if tracks["compared"]:
        yield f"tags change for {tracks['changed']:,} of them, {tracks['changed'] / tracks['compared']:.1%}"


def _print_facets(console: Console, told: Told) -> None:
    compared = told["tracks"]["compared"]
    table = _table("facet", "tracks changed", "share", "tags gained", "tags lost")
    for facet in told["facets"]:
        changed = facet["changed"]
        table.add_row(
            escape(facet["facet"]), *_numbers(changed), f"{changed / compared:.1%}",
            *_numbers(facet["gained"], facet["lost"]),
        )  # fmt: skip
    console.print(table)


def _print_tags(console: Console, told: Told) -> None:
    table = _table("tag", "facet", told["first"], told["second"], "gained", "lost", "mean change of score")
    table.columns[1].justify = "left"
    changed = [tag for tag in told["tags"] if tag["gained"] + tag["lost"]]
    for tag in changed[:_MOST_LINES]:
        counts = _numbers(tag["selected_first"], tag["selected_second"], tag["gained"], tag["lost"])
        table.add_row(escape(tag["tag"]), tag["facet"], *counts, f"{tag['mean_change_of_score']:+.3f}")
    console.print(table)
    _print_rest(console, len(changed), "tags")


def _print_sources(console: Console, told: Told) -> None:
    facets = [facet["facet"] for facet in told["facets"]]
    table = _table(told["by"] or "source", "tracks", "changed", "share", *facets)
    for source in told["sources"][:_MOST_LINES]:
        share = f"{source['changed'] / source['compared']:.1%}"
        of_facets = _numbers(*source["by_facet"].values())
        counts = _numbers(source["compared"], source["changed"])
        table.add_row(escape(source["source"]) or "–", *counts, share, *of_facets)
    console.print(table)
    _print_rest(console, len(told["sources"]), "sources")


def _print_largest(console: Console, told: Told) -> None:
    console.print("tracks to listen to first: those whose gained and lost tags changed most in score")
    for track in told["listen_first"]:
        name = track["uri"] or track["track_id"]
        console.print(f"  {track['change']:.2f}  {name}", markup=False, soft_wrap=True)
        changes = [("+", tag) for tag in track["gained"]] + [("-", tag) for tag in track["lost"]]
        line = ", ".join(
            f"{sign}{tag['tag']} ({tag['first']:.2f} to {tag['second']:.2f})" for sign, tag in changes
        )
        console.print(f"        {line}", markup=False, soft_wrap=True)


def _table(*names: str) -> Table:
    table = Table(*map(escape, names), box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    return table


def _print_rest(console: Console, number: int, what: str) -> None:
    if number > _MOST_LINES:
        console.print(f"… and {number - _MOST_LINES:,} more {what}; --json prints all", markup=False)


def _numbers(*numbers: int) -> list[str]:
    return [f"{number:,}" for number in numbers]
