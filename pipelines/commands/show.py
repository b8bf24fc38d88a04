"""``tonearm show``: its options, and what a call comes to."""

from __future__ import annotations

import argparse
from typing import Any

from tonearm.errors import WrongCallError
from tonearm.pipelines.commands.option_types import positive_integer
from tonearm.pipelines.reports.printing import printing

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
    parser.add_argument(
        "--tagger", default="musicnn", help="bundle that names the segments' tags (default: musicnn)"
    )
    parser.add_argument(
        "--limit", type=positive_integer, default=100, help="tracks listed at most (default: 100)"
    )
    parser.add_argument(
        "--picture",
        metavar="PNG",
        help="draw the track's spectrogram and segment tags; reads the audio again",
    )


def _show(known: argparse.Namespace, _: list[str]) -> None:
    if known.picture and not known.track:
        raise WrongCallError("--picture draws one track: name it after OUT")
    from tonearm.transforms.tables.reading import require_runs

    require_runs(known.output)
    if known.track:
        _show_track(known)
    else:
        _show_tracks(known)


def _show_tracks(known: argparse.Namespace) -> None:
    from tonearm.pipelines.reports.tracks import print_tracks
    from tonearm.transforms.tables.reading import latest_tracks

    tracks = latest_tracks(known.output)
    if not tracks:
        raise WrongCallError(f"{known.output} has no tagged tracks; its failures say why")
    print_tracks(tracks, known.limit)


def _show_track(known: argparse.Namespace) -> None:
    from tonearm.pipelines.reports.matplotlib_cache import prepare_matplotlib
    from tonearm.pipelines.reports.tracks import print_track
    from tonearm.transforms.elements.failure import TrackError
    from tonearm.transforms.tables.reading import find_track, segments_of
    from tonearm.transforms.tagging.stored_tagger import tagger_at

    track = find_track(known.output, known.track)
    if track is None:
        raise WrongCallError(f"{known.output} has no tagged track with {known.track!r} as id or in its uri")
    segments = segments_of(known.output, track)
    tagger = tagger_at(known.tagger)
    matching = tagger if tagger.identity == track["tagger"] else None
    print_track(track, segments, matching)
    if not known.picture:
        return
    if matching is None:
        raise WrongCallError(f"--picture needs the tagger {track['tagger']}; name its bundle with --tagger")
    try:
        prepare_matplotlib()
        from tonearm.pipelines.reports.picture import draw_track
    except ModuleNotFoundError as error:
        raise WrongCallError("--picture needs matplotlib: pip install 'tonearm[plot]'") from error
    try:
        draw_track(track, segments, matching, known.picture)
    except TrackError as error:
        raise WrongCallError(f"{track['uri']} cannot be drawn: {error.message}") from error
    with printing() as console:
        console.print(f"picture: {known.picture}", markup=False, soft_wrap=True)
