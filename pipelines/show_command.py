"""``tonearm show``: its options, and what a call comes to."""

from __future__ import annotations

import argparse
from typing import Any

from pipelines.exit_codes import EXIT_OK, WrongCallError

_EPILOG = """\
examples:
  tonearm show tags/
  tonearm show tags/ bach_prelude
  tonearm show tags/ bach_prelude --picture bach.png
"""


def add_to(commands: Any) -> None:
    """Add the subcommand to the parser."""
    parser = commands.add_parser(
        "show",
        help="print the tags of an output, or of one track",
        description="Print the selected tags of the tracks by facet, or all that is known of one track. "
        "Of a track that was tagged more than once the latest row is shown.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(job=_show)
    parser.add_argument("output", metavar="OUT", help="folder or URL of the tables")
    parser.add_argument("track", metavar="TRACK", nargs="?", help="a track_id, or a part of the uri")
    parser.add_argument("--limit", type=int, default=100, help="tracks listed at most (default: 100)")
    parser.add_argument(
        "--picture", metavar="PNG", help="draw the track's spectrogram and segment tags; reads the audio again"
    )


def _show(known: argparse.Namespace, further: list[str]) -> int:
    if further:
        raise WrongCallError(f"unknown: {' '.join(further)}; see `tonearm show --help`")
    if known.picture and not known.track:
        raise WrongCallError("--picture draws one track: name it after OUT")
    from pipelines import show
    from transforms.reading import find_track, latest_tracks

    if known.track:
        row = find_track(known.output, known.track)
        if row is None:
            raise WrongCallError(f"{known.output} has no tagged track with {known.track!r} as id or in its uri")
        show.print_track(known.output, row)
        if known.picture:
            from pipelines.picture import draw_track

            draw_track(known.output, row, known.picture)
            print(f"picture: {known.picture}")
        return EXIT_OK
    tracks = latest_tracks(known.output)
    if not tracks:
        raise WrongCallError(f"{known.output} has no table track_tags with rows; write one with `tonearm ingest`")
    show.print_tracks(tracks, known.limit)
    return EXIT_OK
