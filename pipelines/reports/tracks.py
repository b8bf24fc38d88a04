"""Printing tags for people: a table of tracks, or one track in full."""

from __future__ import annotations

from pathlib import PurePosixPath

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from tonearm.models.bundles.tagger import FACETS, Tagger
from tonearm.models.bundles.tags import tag_scores
from tonearm.pipelines.reports.printing import printing
from tonearm.transforms.tables.schemas import Row

_TAGS_A_FACET = 6
_TAGS_A_SEGMENT = 4
_BAR_CELLS = 20


def print_tracks(tracks: list[Row], limit: int) -> None:
    """Print the selected tags of each track, with one column for each facet."""
    table = Table("track", *FACETS, header_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    table.columns[0].no_wrap = True
    for track in tracks[:limit]:
        table.add_row(escape(_name(track)), *(_selected(track, facet) for facet in FACETS))
    with printing() as console:
        console.print(table)
        if len(tracks) > limit:
            console.print(f"… and {len(tracks) - limit:,} more; --limit shows them")


def print_track(track: Row, segments: list[Row], tagger: Tagger | None) -> None:
    """Print one track: what was read, its best tags by facet, and what its segments sound like.

    Args:
        track: Its row of ``track_tags``.
        segments: Its rows of ``segments``.
        tagger: The tagger that gave the scores, to name the segments' tags; None if it is not at hand.
    """
    with printing() as console:
        console.print(f"[bold]{escape(_name(track))}[/]  {escape(track['uri'])}", soft_wrap=True)
        console.print(_audio_facts(track))
        for name, value in dict(track["metadata"]).items():
            console.print(f"  {escape(name)}: {escape(value or '')}")
        console.print(_tag_table(track))
        if tagger is not None:
            console.print(_segment_table(segments, tagger))
        elif segments:
            console.print(
                f"{len(segments)} segments: their tags are named by the bundle of {track['tagger']}; "
                "give it with --tagger",
                markup=False,
            )


def _audio_facts(track: Row) -> str:
    cut = ", truncated" if track["truncated"] else ""
    return (
        f"{track['codec']}, {track['sample_rate_hz']} Hz, {track['channels']} channels, "
        f"{track['decoded_s']:.1f} s decoded, {track['analyzed_s']:.1f} s analysed{cut}\n"
        f"track_id {track['track_id']}  generation {track['generation']}  "
        f"tagger {track['tagger']}  at {track['analyzed_at']:%Y-%m-%d %H:%M:%S} UTC"
    )


def _tag_table(track: Row) -> Table:
    table = Table("facet", "tag", "score", "", "peak", "presence", header_style="bold", box=None)
    for facet in FACETS:
        tags = sorted((tag for tag in track["tags"] if tag["facet"] == facet), key=lambda tag: -tag["score"])
        for position, tag in enumerate(tags[:_TAGS_A_FACET]):
            table.add_row(
                "" if position else facet,
                ("● " if tag["selected"] else "  ") + tag["tag"],
                f"{tag['score']:.3f}",
                "█" * round(tag["score"] * _BAR_CELLS),
                f"{tag['peak']:.2f}",
                f"{tag['presence']:.0%}",
            )
    return table


def _segment_table(segments: list[Row], tagger: Tagger) -> Table:
    table = Table("segment", "strongest tags", header_style="bold", box=None)
    for segment in segments:
        span = f"{clock(segment['start_s'])}–{clock(segment['end_s'])}"
        tags = segment_tags(segment, tagger)[:_TAGS_A_SEGMENT]
        table.add_row(span, ", ".join(f"{tag} {score:.2f}" for tag, score in tags))
    return table


def segment_tags(segment: Row, tagger: Tagger) -> list[tuple[str, float]]:
    """A segment's tags and scores, the selected ones first, then by score."""
    tags = tag_scores(tagger, np.array([segment["scores"]], np.float32))
    ordered = sorted(tags, key=lambda tag: (not tag.selected, -tag.score))
    return [(tag.tag, tag.score) for tag in ordered]


def clock(seconds: float) -> str:
    """Minutes and seconds, as on a player.

    >>> clock(75.9)
    '1:15'
    """
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"


def _name(track: Row) -> str:
    return PurePosixPath(track["uri"]).name


def _selected(track: Row, facet: str) -> str:
    tags = [tag for tag in track["tags"] if tag["facet"] == facet and tag["selected"]]
    tags.sort(key=lambda tag: -tag["score"])
    return ", ".join(f"{tag['tag']} {tag['score']:.2f}" for tag in tags)
