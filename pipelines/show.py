"""Printing tags for people: a table of tracks, or one track in full."""

from __future__ import annotations

from pathlib import PurePosixPath

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from models.bundle import BundleError, Tagger, load_tagger
from models.tags import tag_scores  # noqa: F401
from transforms.reading import segments_of
from transforms.tables import Row

FACETS = ("genre", "mood", "instrument", "voice", "era", "tempo")

_TAGS_A_FACET = 8


def print_tracks(tracks: list[Row], limit: int) -> None:
    """Print the selected tags of each track, a column a facet."""
    console = Console(highlight=False)
    table = Table("track", *FACETS, header_style="bold", pad_edge=False, row_styles=("", "dim"))
    for track in tracks[:limit]:
        table.add_row(escape(PurePosixPath(track["uri"]).name), *(_selected(track, facet) for facet in FACETS))
    console.print(table)
    if len(tracks) > limit:
        console.print(f"… and {len(tracks) - limit:,} more; --limit shows them")


def _selected(track: Row, facet: str) -> str:
    tags = [tag for tag in track["tags"] if tag["facet"] == facet and tag["selected"]]
    tags.sort(key=lambda tag: -tag["score"])
    return ", ".join(f"{tag['tag']} {tag['score']:.2f}" for tag in tags)
