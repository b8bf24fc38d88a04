"""What ``evaluate`` and ``calibrate`` share: a tagger, the tracks that tell of it, and what words mean."""

from __future__ import annotations

import argparse

from tonearm.learning.labelled.track import Split


def add_judged_set(parser: argparse.ArgumentParser) -> None:
    """Add the two positional arguments."""
    parser.add_argument(
        "bundle",
        metavar="BUNDLE",
        help="the tagger: a name, a folder or a URL; of a bundle root the current one",
    )
    parser.add_argument("set", metavar="SET", help="built data set, or labelled manifest; a path or URL")


def add_choice_of_tracks(parser: argparse.ArgumentParser, part: Split) -> None:
    """Add the options of which tracks are taken, and of what their labels mean.

    Args:
        parser: The command's.
        part: The part of the set that is taken if none is named.
    """
    parser.add_argument(
        "--split",
        choices=[str(split) for split in Split],
        default=str(part),
        help=f"part of the set (default: {part}); of a manifest that names no parts all tracks are taken",
    )
    parser.add_argument(
        "--map_vocabulary",
        metavar="FILE",
        help="JSON file that says which label of the set a tag of the tagger is, where words differ",
    )
